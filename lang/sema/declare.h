// Declarations: which names a bundle has, and what types they are of. Bodies are left for check_bodies (definitions.h, rules.h).
#pragma once

#include "lang/sema/context.h"

namespace dunlin::sema {

// In the order in which they are called.
void declare_bundle(Context& context, const std::string& calendars);
void declare_types(Context& context);          // enumerations, records, entities (names only), segmentations
void declare_values(Context& context);         // functions, tables, settings, queues, strategies, stages (names only)
void make_hold_events(Context& context);       // what holds, deadlines and requests tell of themselves, as events
void declare_events(Context& context);         // events and outcomes, whom they belong to
void declare_outcome_enums(Context& context);  // what a queue's tasks can end in, as a type
void declare_fields(Context& context);         // fields and derived fields of entities, fields of records
void declare_event_fields(Context& context);   // fields of events and outcomes
void declare_holds(Context& context);          // whom they are for, their events
void declare_requests(Context& context);       // approvals, quotas, allocations: whom they are for, their events, shares
void declare_signatures(Context& context);     // functions, table columns, variables
void declare_experiments(Context& context);    // their arms, and the variables that bear them
void check_name_clashes(Context& context);     // fields that have the name of a literal

/// The type a type expression stands for; reports what it does not know.
Type resolve_type(Context& context, const ast::TypeExpr& type);
/// Makes the enumeration of an inline `enum { … }`.
void declare_inline_enum(Context& context, const ast::TypeExpr& type, const std::string& owner, const std::string& field);

/// `in 300..850`: constant ends are kept with the field, others become a condition on `self` where that may be (`may_compute`).
void set_range(Context& context, checked::Field& field, const ast::TypeExpr& type, Index self, bool may_compute);
/// Fields of an event, a task or an entity; `first_slot` is where the next one begins. `self` is the entity that ranges may look at.
checked::Field make_field(Context& context, const ast::FieldDecl& declaration, Index& next_slot, Index self, bool may_compute_range = false);

/// A name is registered once; a second time is reported with the first place.
bool register_type(Context& context, const ast::Name& name, Symbol::Kind kind, Index index);
bool register_value(Context& context, const ast::Name& name, Symbol::Kind kind, Index index);
void report_duplicate(Context& context, const ast::Name& name, Span first, const std::string& what);

}  // namespace dunlin::sema
