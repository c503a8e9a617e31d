#include "compiler/abi/case_view.h"

namespace dunlin::abi {

const char* fault_text(Fault fault) {
  switch (fault) {
    case Fault::none:
      return "no fault";
    case Fault::overflow:
      return "the result is too large";
    case Fault::division_by_zero:
      return "division by zero";
    case Fault::beyond_calendar:
      return "a date lies beyond the calendar";
    case Fault::not_a_number:
      return "the result is not a finite number";
    case Fault::bad_argument:
      return "a function was given a value it cannot work with";
    case Fault::text_too_long:
      return "a text is too long";
    case Fault::no_table_row:
      return "no row of the table fits";
    case Fault::table_conflict:
      return "several rows of the table fit";
    case Fault::native_function:
      return "a native function reported a fault";
    case Fault::too_deep:
      return "functions call each other too deeply";
    case Fault::out_of_memory:
      return "out of memory";
  }
  return "unknown fault";
}

}  // namespace dunlin::abi
