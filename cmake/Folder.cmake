# batchfit_folder(NAME DEPENDS other... SOURCES file...)
# One library a folder of src/. Its headers are a file set, so that they are installed with it and the target
# all_verify_interface_header_sets compiles each of them alone.
function(batchfit_folder name)
  cmake_parse_arguments(FOLDER "" "" "DEPENDS;SOURCES" ${ARGN})
  file(GLOB headers CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/*.h)
  add_library(batchfit_${name} STATIC ${FOLDER_SOURCES})
  add_library(batchfit::${name} ALIAS batchfit_${name})
  target_sources(batchfit_${name} PUBLIC FILE_SET HEADERS BASE_DIRS ${PROJECT_SOURCE_DIR}/src FILES ${headers})
  target_link_libraries(batchfit_${name} PUBLIC ${FOLDER_DEPENDS} PRIVATE $<BUILD_INTERFACE:batchfit_warnings>)
  set_target_properties(batchfit_${name} PROPERTIES VERIFY_INTERFACE_HEADER_SETS ON EXPORT_NAME ${name})
  # In a folder of their own: "base/file.h" would be anyone's in a shared one.
  install(TARGETS batchfit_${name} EXPORT batchfitTargets ARCHIVE COMPONENT development
          FILE_SET HEADERS DESTINATION include/batchfit COMPONENT development)
endfunction()
