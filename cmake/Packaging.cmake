# The Debian package: cpack -G DEB in a build folder (scripts/package.sh does all of it).
set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_NAME dunlin)
set(CPACK_PACKAGE_VENDOR "Dunlin")
set(CPACK_PACKAGE_CONTACT "The Dunlin maintainers <maintainers@dunlin.invalid>")
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "rules and workflows for debt collection")
set(CPACK_PACKAGE_DESCRIPTION "Dunlin carries collection strategies from rule files to queues: a language with a checker and native code, an engine over PostgreSQL, and a server with an API.")
set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
set(CPACK_STRIP_FILES ON)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_SECTION database)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_PACKAGE_DEPENDS "tzdata, ca-certificates")
# A private database needs its programs; with a database elsewhere they need not be here.
set(CPACK_DEBIAN_PACKAGE_RECOMMENDS "postgresql-15")
set(CPACK_DEBIAN_PACKAGE_CONTROL_EXTRA
    "${PROJECT_SOURCE_DIR}/packaging/debian/conffiles;${PROJECT_SOURCE_DIR}/packaging/debian/postinst;${PROJECT_SOURCE_DIR}/packaging/debian/prerm;${PROJECT_SOURCE_DIR}/packaging/debian/postrm")
set(CPACK_DEBIAN_PACKAGE_CONTROL_STRICT_PERMISSION ON)
# /etc lies outside the prefix, and `cmake --install` must never write there: only a package does.
set(CPACK_PRE_BUILD_SCRIPTS "${PROJECT_SOURCE_DIR}/packaging/debian/add_etc.cmake")
include(CPack)
