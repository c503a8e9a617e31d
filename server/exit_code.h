// What a command says to the shell. docs/commands.md lists them for people.
#pragma once

namespace dunlin::server {

enum class Exit : int {
  done = 0,
  input = 1,        // what was given in is wrong: a bundle, a file, an account that is not there
  usage = 2,        // the command line is wrong
  environment = 3,  // the machine is: database, disk, permission
};

}  // namespace dunlin::server
