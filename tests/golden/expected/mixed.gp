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
set output 'vit-b-16-fp32-memory.svg'
set title 'vit_b_16 fp32'."\n".'NVIDIA H200 (140 GiB)' noenhanced
set ylabel 'memory (GiB)'
unset arrow
unset label
set arrow from 64, graph 0 to 64, graph 1 nohead lw 2 lc rgb '#009E73' back
set label 'answer 64' at 64, graph 0.82 offset 0.6,0 tc rgb '#009E73' front
$forecast << EOD
64 92.5 0 120.26953125 
65 3.9453125 3.728515625 4.162109375 
128 6.6387939453125 6.287322998046875 6.990264892578125 
EOD
$measured << EOD
1 1.4453125 
64 3.90625 
65 4.0625 
EOD
plot $forecast using 1:2:3:4 with yerrorbars pt 5 ps 0.6 lw 1.5 lc rgb '#E69F00' title 'forecast before it ran, with its interval', \
  $measured using 1:2 with linespoints pt 7 ps 0.8 lw 2 lc rgb '#0072B2' title 'measured', \
  4 with lines lw 2 dt 2 lc rgb '#D55E00' title 'memory limit'
set terminal pngcairo size 1280,840 font 'sans-serif,28' linewidth 2 pointscale 1.6 background rgb 'white'
set output 'vit-b-16-fp32-memory.png'
replot
unset output
set terminal svg size 640,420 dynamic font 'sans-serif,14' background rgb 'white'
set output 'vit-b-16-fp32-throughput.svg'
set title 'vit_b_16 fp32'."\n".'NVIDIA H200 (140 GiB)' noenhanced
set ylabel 'throughput (items/s)'
unset arrow
unset label
set arrow from 64, graph 0 to 64, graph 1 nohead lw 2 lc rgb '#009E73' back
set label 'answer 64' at 64, graph 0.82 offset 0.6,0 tc rgb '#009E73' front
$rates << EOD
1 243.90243902439022 
64 2051.2820512820513 
65 2050.473186119874 
EOD
$passing << EOD
1 243.90243902439022 
64 2051.2820512820513 
EOD
plot $rates using 1:2 with linespoints pt 6 ps 0.9 lw 1.5 lc rgb '#0072B2' title 'measured', \
  $passing using 1:2 with points pt 7 ps 0.9 lc rgb '#0072B2' title 'passes the limits'
set terminal pngcairo size 1280,840 font 'sans-serif,28' linewidth 2 pointscale 1.6 background rgb 'white'
set output 'vit-b-16-fp32-throughput.png'
replot
unset output
set terminal svg size 640,420 dynamic font 'sans-serif,14' background rgb 'white'
set output 'vit-b-16-fp32-latency.svg'
set title 'vit_b_16 fp32'."\n".'NVIDIA H200 (140 GiB)' noenhanced
set ylabel 'latency (ms)'
unset arrow
unset label
set arrow from 64, graph 0 to 64, graph 1 nohead lw 2 lc rgb '#009E73' back
set label 'answer 64' at 64, graph 0.82 offset 0.6,0 tc rgb '#009E73' front
$timed << EOD
1 4.1000000000000005 4.091799999999999 4.1082 
64 31.2 31.137600000000003 31.262400000000003 
65 31.7 31.6366 31.763399999999997 
EOD
plot $timed using 1:2:3:4 with yerrorlines pt 7 ps 0.8 lw 2 lc rgb '#0072B2' title 'graph replay, median, least to most', \
  50 with lines lw 2 dt 2 lc rgb '#D55E00' title 'latency limit'
set terminal pngcairo size 1280,840 font 'sans-serif,28' linewidth 2 pointscale 1.6 background rgb 'white'
set output 'vit-b-16-fp32-latency.png'
replot
unset output
set terminal svg size 640,420 dynamic font 'sans-serif,14' background rgb 'white'
set output 'llama-3-8b-nf4-bf16-prefill-length-512-memory.svg'
set title 'llama-3-8b-nf4 bf16 prefill length 512'."\n".'NVIDIA H200 (140 GiB)' noenhanced
set ylabel 'memory (GiB)'
unset arrow
unset label
$measured << EOD
1 6.30859375 
EOD
plot $measured using 1:2 with linespoints pt 7 ps 0.8 lw 2 lc rgb '#0072B2' title 'measured'
set terminal pngcairo size 1280,840 font 'sans-serif,28' linewidth 2 pointscale 1.6 background rgb 'white'
set output 'llama-3-8b-nf4-bf16-prefill-length-512-memory.png'
replot
unset output
set terminal svg size 640,420 dynamic font 'sans-serif,14' background rgb 'white'
set output 'llama-3-8b-nf4-bf16-prefill-length-512-throughput.svg'
set title 'llama-3-8b-nf4 bf16 prefill length 512'."\n".'NVIDIA H200 (140 GiB)' noenhanced
set ylabel 'throughput (items/s)'
unset arrow
unset label
$rates << EOD
1 16.155088852988694 
EOD
plot $rates using 1:2 with linespoints pt 6 ps 0.9 lw 1.5 lc rgb '#0072B2' title 'measured'
set terminal pngcairo size 1280,840 font 'sans-serif,28' linewidth 2 pointscale 1.6 background rgb 'white'
set output 'llama-3-8b-nf4-bf16-prefill-length-512-throughput.png'
replot
unset output
set terminal svg size 640,420 dynamic font 'sans-serif,14' background rgb 'white'
set output 'llama-3-8b-nf4-bf16-prefill-length-512-latency.svg'
set title 'llama-3-8b-nf4 bf16 prefill length 512'."\n".'NVIDIA H200 (140 GiB)' noenhanced
set ylabel 'latency (ms)'
unset arrow
unset label
$timed << EOD
1 61.9 61.7762 62.023799999999994 
EOD
plot $timed using 1:2:3:4 with yerrorlines pt 7 ps 0.8 lw 2 lc rgb '#0072B2' title 'graph replay, median, least to most'
set terminal pngcairo size 1280,840 font 'sans-serif,28' linewidth 2 pointscale 1.6 background rgb 'white'
set output 'llama-3-8b-nf4-bf16-prefill-length-512-latency.png'
replot
unset output
set terminal svg size 640,420 dynamic font 'sans-serif,14' background rgb 'white'
set output 'resnet50-fp16-channels-last-memory.svg'
set title 'resnet50 fp16 channels-last'."\n".'NVIDIA H200 (140 GiB)' noenhanced
set ylabel 'memory (GiB)'
unset arrow
unset label
set arrow from 512, graph 0 to 512, graph 1 nohead lw 2 lc rgb '#009E73' back
set label 'answer 512' at 512, graph 0.82 offset 0.6,0 tc rgb '#009E73' front
$measured << EOD
1 0.869140625 
512 3.515625 
EOD
plot $measured using 1:2 with linespoints pt 7 ps 0.8 lw 2 lc rgb '#0072B2' title 'measured', \
  4 with lines lw 2 dt 2 lc rgb '#D55E00' title 'memory limit'
set terminal pngcairo size 1280,840 font 'sans-serif,28' linewidth 2 pointscale 1.6 background rgb 'white'
set output 'resnet50-fp16-channels-last-memory.png'
replot
unset output
set terminal svg size 640,420 dynamic font 'sans-serif,14' background rgb 'white'
set output 'resnet50-fp16-channels-last-throughput.svg'
set title 'resnet50 fp16 channels-last'."\n".'NVIDIA H200 (140 GiB)' noenhanced
set ylabel 'throughput (items/s)'
unset arrow
unset label
set arrow from 512, graph 0 to 512, graph 1 nohead lw 2 lc rgb '#009E73' back
set label 'answer 512' at 512, graph 0.82 offset 0.6,0 tc rgb '#009E73' front
$rates << EOD
1 995.0248756218905 
512 13617.021276595744 
EOD
$passing << EOD
1 995.0248756218905 
512 13617.021276595744 
EOD
plot $rates using 1:2 with linespoints pt 6 ps 0.9 lw 1.5 lc rgb '#0072B2' title 'measured', \
  $passing using 1:2 with points pt 7 ps 0.9 lc rgb '#0072B2' title 'passes the limits'
set terminal pngcairo size 1280,840 font 'sans-serif,28' linewidth 2 pointscale 1.6 background rgb 'white'
set output 'resnet50-fp16-channels-last-throughput.png'
replot
unset output
set terminal svg size 640,420 dynamic font 'sans-serif,14' background rgb 'white'
set output 'resnet50-fp16-channels-last-latency.svg'
set title 'resnet50 fp16 channels-last'."\n".'NVIDIA H200 (140 GiB)' noenhanced
set ylabel 'latency (ms)'
unset arrow
unset label
set arrow from 512, graph 0 to 512, graph 1 nohead lw 2 lc rgb '#009E73' back
set label 'answer 512' at 512, graph 0.82 offset 0.6,0 tc rgb '#009E73' front
$timed << EOD
1 1.0050000000000001 1.00299 1.00701 
512 37.6 37.5248 37.6752 
EOD
plot $timed using 1:2:3:4 with yerrorlines pt 7 ps 0.8 lw 2 lc rgb '#0072B2' title 'graph replay, median, least to most', \
  50 with lines lw 2 dt 2 lc rgb '#D55E00' title 'latency limit'
set terminal pngcairo size 1280,840 font 'sans-serif,28' linewidth 2 pointscale 1.6 background rgb 'white'
set output 'resnet50-fp16-channels-last-latency.png'
replot
unset output
set terminal svg size 640,420 dynamic font 'sans-serif,14' background rgb 'white'
set output 'evil-2j-model-b-fp32-memory.svg'
set title '=evil|�[2J�model�<b> fp32'."\n".'NVIDIA H200 (140 GiB)' noenhanced
set ylabel 'memory (GiB)'
unset arrow
unset label
set arrow from 2, graph 0 to 2, graph 1 nohead lw 2 lc rgb '#009E73' back
set label 'answer 2' at 2, graph 0.82 offset 0.6,0 tc rgb '#009E73' front
$forecast << EOD
2 2.9296875 1.298828125 3.095703125 
EOD
$measured << EOD
1 1.46484375 
2 1.5625 
EOD
plot $forecast using 1:2:3:4 with yerrorbars pt 5 ps 0.6 lw 1.5 lc rgb '#E69F00' title 'forecast before it ran, with its interval', \
  $measured using 1:2 with linespoints pt 7 ps 0.8 lw 2 lc rgb '#0072B2' title 'measured', \
  4 with lines lw 2 dt 2 lc rgb '#D55E00' title 'memory limit'
set terminal pngcairo size 1280,840 font 'sans-serif,28' linewidth 2 pointscale 1.6 background rgb 'white'
set output 'evil-2j-model-b-fp32-memory.png'
replot
unset output
set terminal svg size 640,420 dynamic font 'sans-serif,14' background rgb 'white'
set output 'evil-2j-model-b-fp32-throughput.svg'
set title '=evil|�[2J�model�<b> fp32'."\n".'NVIDIA H200 (140 GiB)' noenhanced
set ylabel 'throughput (items/s)'
unset arrow
unset label
set arrow from 2, graph 0 to 2, graph 1 nohead lw 2 lc rgb '#009E73' back
set label 'answer 2' at 2, graph 0.82 offset 0.6,0 tc rgb '#009E73' front
$rates << EOD
1 500 
2 800 
EOD
$passing << EOD
1 500 
2 800 
EOD
plot $rates using 1:2 with linespoints pt 6 ps 0.9 lw 1.5 lc rgb '#0072B2' title 'measured', \
  $passing using 1:2 with points pt 7 ps 0.9 lc rgb '#0072B2' title 'passes the limits'
set terminal pngcairo size 1280,840 font 'sans-serif,28' linewidth 2 pointscale 1.6 background rgb 'white'
set output 'evil-2j-model-b-fp32-throughput.png'
replot
unset output
set terminal svg size 640,420 dynamic font 'sans-serif,14' background rgb 'white'
set output 'evil-2j-model-b-fp32-latency.svg'
set title '=evil|�[2J�model�<b> fp32'."\n".'NVIDIA H200 (140 GiB)' noenhanced
set ylabel 'latency (ms)'
unset arrow
unset label
set arrow from 2, graph 0 to 2, graph 1 nohead lw 2 lc rgb '#009E73' back
set label 'answer 2' at 2, graph 0.82 offset 0.6,0 tc rgb '#009E73' front
$timed << EOD
1 2 1.996 2.004 
2 2.5 2.4949999999999997 2.505 
EOD
plot $timed using 1:2:3:4 with yerrorlines pt 7 ps 0.8 lw 2 lc rgb '#0072B2' title 'graph replay, median, least to most', \
  50 with lines lw 2 dt 2 lc rgb '#D55E00' title 'latency limit'
set terminal pngcairo size 1280,840 font 'sans-serif,28' linewidth 2 pointscale 1.6 background rgb 'white'
set output 'evil-2j-model-b-fp32-latency.png'
replot
unset output
