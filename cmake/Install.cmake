# cmake --install puts two components in place:
#   programs      what people run; the Debian package holds these
#   development   libraries, headers and the CMake package: find_package(batchfit), then batchfit::facts and so on
# Programs that need libtorch are installed under libexec, behind a script that finds it: libtorch is in no package.
include(GNUInstallDirs)
include(CMakePackageConfigHelpers)

foreach(program batchfit batchfit-worker-sim worker-conformance)
  if(TARGET ${program})
    install(TARGETS ${program} COMPONENT programs)
  endif()
endforeach()
if(TARGET batchfit-worker-torch)
  install(TARGETS batchfit-worker-torch DESTINATION ${CMAKE_INSTALL_LIBEXECDIR}/batchfit COMPONENT programs)
  configure_file(cmake/batchfit-worker-torch.in ${PROJECT_BINARY_DIR}/batchfit-worker-torch @ONLY)
  install(PROGRAMS ${PROJECT_BINARY_DIR}/batchfit-worker-torch TYPE BIN COMPONENT programs)
endif()
if(TARGET batchfit)
  set(documents ${PROJECT_BINARY_DIR}/documents)
  file(MAKE_DIRECTORY ${documents})
  add_custom_command(OUTPUT ${documents}/batchfit.1 ${documents}/batchfit.bash ${documents}/_batchfit ${documents}/batchfit.fish
                     COMMAND batchfit man > ${documents}/batchfit.1
                     COMMAND batchfit completion bash > ${documents}/batchfit.bash
                     COMMAND batchfit completion zsh > ${documents}/_batchfit
                     COMMAND batchfit completion fish > ${documents}/batchfit.fish
                     DEPENDS batchfit COMMENT "Writing the manual page and the completions")
  add_custom_target(option_documents ALL DEPENDS ${documents}/batchfit.1)
  install(FILES ${documents}/batchfit.1 DESTINATION ${CMAKE_INSTALL_MANDIR}/man1 COMPONENT programs)
  install(FILES ${documents}/batchfit.bash DESTINATION ${CMAKE_INSTALL_DATADIR}/bash-completion/completions RENAME batchfit COMPONENT programs)
  install(FILES ${documents}/_batchfit DESTINATION ${CMAKE_INSTALL_DATADIR}/zsh/vendor-completions COMPONENT programs)
  install(FILES ${documents}/batchfit.fish DESTINATION ${CMAKE_INSTALL_DATADIR}/fish/vendor_completions.d COMPONENT programs)
endif()
install(FILES LICENSE README.md docs/guide.md docs/how-it-works.md docs/objectives.md docs/results.md docs/results.schema.json docs/protocol.md
              docs/cache.md TYPE DOC COMPONENT programs)

set(package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/batchfit)
install(EXPORT batchfitTargets NAMESPACE batchfit:: DESTINATION ${package_dir} COMPONENT development)
configure_package_config_file(cmake/batchfitConfig.cmake.in ${PROJECT_BINARY_DIR}/batchfitConfig.cmake
                              INSTALL_DESTINATION ${package_dir})
# Before 1.0 a minor version may change an interface.
write_basic_package_version_file(${PROJECT_BINARY_DIR}/batchfitConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/batchfitConfig.cmake ${PROJECT_BINARY_DIR}/batchfitConfigVersion.cmake
        DESTINATION ${package_dir} COMPONENT development)

set(CPACK_GENERATOR DEB)
set(CPACK_COMPONENTS_ALL programs)
set(CPACK_DEB_COMPONENT_INSTALL ON)
set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
set(CPACK_STRIP_FILES ON)
set(CPACK_PACKAGE_CONTACT "The batchfit authors <batchfit@localhost>")
set(CPACK_DEBIAN_PROGRAMS_PACKAGE_NAME batchfit)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_SECTION science)
# All that is linked dynamically apart from libtorch; tests/package compares it with what the programs need.
set(CPACK_DEBIAN_PACKAGE_DEPENDS "libc6 (>= 2.36), libgcc-s1 (>= 12), libstdc++6 (>= 12)")
# The environment that the torch worker's libtorch is installed into; what decodes and encodes video.
set(CPACK_DEBIAN_PACKAGE_RECOMMENDS "python3-venv, ffmpeg")
set(CPACK_COMPONENT_PROGRAMS_DESCRIPTION
"finds the batch size a deep-learning model should run at
The largest batch that stays inside a memory limit and a latency limit, measured on the device.
The libtorch worker needs torch 2.11.0 from PyPI, which is not part of this package; it says how to get it.")
include(CPack)
