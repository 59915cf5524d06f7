set encoding utf8
set grid back lc rgb '#DDDDDD'
set border 3 lc rgb '#444444'
set tics nomirror
set key below left Left reverse samplen 2 spacing 1.1 noenhanced
set logscale x 2
set format x '%.0f'
set xlabel 'batch (items in one call)'
set offsets graph 0.04, graph 0.04, graph 0.06, 0
set terminal svg size 640,420 dynamic font 'sans-serif,14' background rgb 'white'
set output 'resnet50-memory.svg'
set title 'resnet50'."\n".'NVIDIA H200 (140 GiB)' noenhanced
set ylabel 'device memory in use (GiB)'
unset arrow
unset label
set arrow from 11, graph 0 to 11, graph 1 nohead lw 2 lc rgb '#009E73' back
set label 'answer 11' at 11, graph 0.82 offset 0.6,0 tc rgb '#009E73' front
$forecast << EOD
2 2.32421875 1.3486328125 2.4306640625 
4 1.578125 1.5089843748137355 1.647265624254942 
8 1.607421875 1.5368164060637355 1.7079752599820495 
16 1.767578125 1.6863606767728925 1.8685128344222903 
12 1.6826171875 1.591796875 1.7734375 
10 1.6455078125 1.591796875 1.69921875 
11 1.662109375 1.625 1.69921875 
EOD
$measured << EOD
1 1.455078125 
2 1.49609375 
4 1.533203125 
8 1.611328125 
10 1.64453125 
11 1.662109375 
12 1.6796875 
16 1.75390625 
EOD
plot $forecast using 1:2:3:4 with yerrorbars pt 5 ps 0.6 lw 1.5 lc rgb '#E69F00' title 'forecast before it ran, with its interval', \
  $measured using 1:2 with linespoints pt 7 ps 0.8 lw 2 lc rgb '#0072B2' title 'measured', \
  125.82861328125 with lines lw 2 dt 2 lc rgb '#D55E00' title 'memory limit'
set terminal pngcairo size 1280,840 font 'sans-serif,28' linewidth 2 pointscale 1.6 background rgb 'white'
set output 'resnet50-memory.png'
replot
unset output
set terminal svg size 640,420 dynamic font 'sans-serif,14' background rgb 'white'
set output 'resnet50-throughput.svg'
set title 'resnet50'."\n".'NVIDIA H200 (140 GiB)' noenhanced
set ylabel 'throughput (items/s)'
unset arrow
unset label
set arrow from 11, graph 0 to 11, graph 1 nohead lw 2 lc rgb '#009E73' back
set label 'answer 11' at 11, graph 0.82 offset 0.6,0 tc rgb '#009E73' front
$rates << EOD
1 995.0248756218905 
2 1785.7142857142858 
4 2962.9629629629626 
8 4705.882352941177 
10 5313.496280552604 
11 5480.8171400099645 
12 5780.346820809248 
16 6694.5606694560665 
EOD
$passing << EOD
1 995.0248756218905 
2 1785.7142857142858 
4 2962.9629629629626 
8 4705.882352941177 
10 5313.496280552604 
11 5480.8171400099645 
EOD
plot $rates using 1:2 with linespoints pt 6 ps 0.9 lw 1.5 lc rgb '#0072B2' title 'measured', \
  $passing using 1:2 with points pt 7 ps 0.9 lc rgb '#0072B2' title 'passes the limits'
set terminal pngcairo size 1280,840 font 'sans-serif,28' linewidth 2 pointscale 1.6 background rgb 'white'
set output 'resnet50-throughput.png'
replot
unset output
set terminal svg size 640,420 dynamic font 'sans-serif,14' background rgb 'white'
set output 'resnet50-latency.svg'
set title 'resnet50'."\n".'NVIDIA H200 (140 GiB)' noenhanced
set ylabel 'latency (ms)'
unset arrow
unset label
set arrow from 11, graph 0 to 11, graph 1 nohead lw 2 lc rgb '#009E73' back
set label 'answer 11' at 11, graph 0.82 offset 0.6,0 tc rgb '#009E73' front
$timed << EOD
1 1.0050000000000001 1.00299 1.00701 
2 1.1199999999999999 1.11776 1.1222400000000001 
4 1.35 1.3473000000000002 1.3527 
8 1.7 1.6965999999999999 1.7034 
10 1.882 1.878236 1.885764 
11 2.007 2.002986 2.0110140000000003 
12 2.076 2.0718479999999997 2.080152 
16 2.39 2.38522 2.39478 
EOD
plot $timed using 1:2:3:4 with yerrorlines pt 7 ps 0.8 lw 2 lc rgb '#0072B2' title 'graph replay, median, least to most', \
  2.0100000000000002 with lines lw 2 dt 2 lc rgb '#D55E00' title 'latency limit'
set terminal pngcairo size 1280,840 font 'sans-serif,28' linewidth 2 pointscale 1.6 background rgb 'white'
set output 'resnet50-latency.png'
replot
unset output
set terminal svg size 640,420 dynamic font 'sans-serif,14' background rgb 'white'
set output 'vit-b-16-memory.svg'
set title 'vit_b_16'."\n".'NVIDIA H200 (140 GiB)' noenhanced
set ylabel 'device memory in use (GiB)'
unset arrow
unset label
set arrow from 10, graph 0 to 10, graph 1 nohead lw 2 lc rgb '#009E73' back
set label 'answer 10' at 10, graph 0.82 offset 0.6,0 tc rgb '#009E73' front
$forecast << EOD
2 2.73828125 1.534960936754942 2.8654296873137355 
4 1.71484375 1.6388671873137355 1.790820311754942 
8 1.78515625 1.7056640619412065 1.864648437127471 
16 1.92578125 1.839257812127471 2.0123046869412065 
12 1.85546875 1.765625 1.9453125 
10 1.8203125 1.765625 1.875 
11 1.837890625 1.80078125 1.875 
EOD
$measured << EOD
1 1.662109375 
2 1.6796875 
4 1.71484375 
8 1.78515625 
10 1.8203125 
11 1.837890625 
12 1.85546875 
16 1.92578125 
EOD
plot $forecast using 1:2:3:4 with yerrorbars pt 5 ps 0.6 lw 1.5 lc rgb '#E69F00' title 'forecast before it ran, with its interval', \
  $measured using 1:2 with linespoints pt 7 ps 0.8 lw 2 lc rgb '#0072B2' title 'measured', \
  125.82861328125 with lines lw 2 dt 2 lc rgb '#D55E00' title 'memory limit'
set terminal pngcairo size 1280,840 font 'sans-serif,28' linewidth 2 pointscale 1.6 background rgb 'white'
set output 'vit-b-16-memory.png'
replot
unset output
set terminal svg size 640,420 dynamic font 'sans-serif,14' background rgb 'white'
set output 'vit-b-16-throughput.svg'
set title 'vit_b_16'."\n".'NVIDIA H200 (140 GiB)' noenhanced
set ylabel 'throughput (items/s)'
unset arrow
unset label
set arrow from 10, graph 0 to 10, graph 1 nohead lw 2 lc rgb '#009E73' back
set label 'answer 10' at 10, graph 0.82 offset 0.6,0 tc rgb '#009E73' front
$rates << EOD
1 662.251655629139 
2 1162.7906976744187 
4 2040.8163265306123 
8 3053.4351145038167 
10 3472.222222222222 
11 3644.797879390325 
12 3550.2958579881656 
16 3628.1179138321995 
EOD
$passing << EOD
1 662.251655629139 
2 1162.7906976744187 
4 2040.8163265306123 
8 3053.4351145038167 
10 3472.222222222222 
EOD
plot $rates using 1:2 with linespoints pt 6 ps 0.9 lw 1.5 lc rgb '#0072B2' title 'measured', \
  $passing using 1:2 with points pt 7 ps 0.9 lc rgb '#0072B2' title 'passes the limits'
set terminal pngcairo size 1280,840 font 'sans-serif,28' linewidth 2 pointscale 1.6 background rgb 'white'
set output 'vit-b-16-throughput.png'
replot
unset output
set terminal svg size 640,420 dynamic font 'sans-serif,14' background rgb 'white'
set output 'vit-b-16-latency.svg'
set title 'vit_b_16'."\n".'NVIDIA H200 (140 GiB)' noenhanced
set ylabel 'latency (ms)'
unset arrow
unset label
set arrow from 10, graph 0 to 10, graph 1 nohead lw 2 lc rgb '#009E73' back
set label 'answer 10' at 10, graph 0.82 offset 0.6,0 tc rgb '#009E73' front
$timed << EOD
1 1.51 1.50698 1.5130199999999998 
2 1.72 1.71656 1.7234399999999999 
4 1.96 1.9560799999999998 1.96392 
8 2.62 2.61476 2.6252400000000002 
10 2.8800000000000003 2.8742400000000004 2.88576 
11 3.018 3.011964 3.0240359999999997 
12 3.3800000000000003 3.37324 3.3867599999999998 
16 4.41 4.40118 4.41882 
EOD
plot $timed using 1:2:3:4 with yerrorlines pt 7 ps 0.8 lw 2 lc rgb '#0072B2' title 'graph replay, median, least to most', \
  3.02 with lines lw 2 dt 2 lc rgb '#D55E00' title 'latency limit'
set terminal pngcairo size 1280,840 font 'sans-serif,28' linewidth 2 pointscale 1.6 background rgb 'white'
set output 'vit-b-16-latency.png'
replot
unset output
