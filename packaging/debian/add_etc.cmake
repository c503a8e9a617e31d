# Runs while a package is made: puts the settings where the service looks for them. COPY, for INSTALL would heed the DESTDIR that CPack has set.
file(COPY ${CMAKE_CURRENT_LIST_DIR}/../dunlin.toml DESTINATION ${CPACK_TEMPORARY_DIRECTORY}/etc/dunlin)
