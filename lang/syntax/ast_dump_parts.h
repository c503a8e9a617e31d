// Parts of ast_dump that both of its files use. Private to lang/syntax.
#pragma once

#include <string>

#include "lang/syntax/ast.h"

namespace dunlin::syntax {

std::string dump_type(const ast::TypeExpr& type);
std::string dump_field(const ast::FieldDecl& field);
std::string dump_action(const ast::Action& action);

/// A line, then lines that stand below it.
using Lines = std::vector<std::string>;
Lines dump_part(const ast::LimitsDecl& d);
Lines dump_part(const ast::HoldDecl& d);
Lines dump_part(const ast::DeadlineDecl& d);
Lines dump_part(const ast::ApprovalDecl& d);
Lines dump_part(const ast::QuotaDecl& d);
Lines dump_part(const ast::AllocationDecl& d);
Lines dump_part(const ast::FeedDecl& d);
Lines dump_part(const ast::CampaignDecl& d);
Lines dump_part(const ast::ExperimentDecl& d);
Lines dump_part(const ast::HoldoutDecl& d);
Lines dump_part(const ast::MigrateDecl& d);
Lines dump_part(const ast::ScheduleDecl& d);
Lines dump_part(const ast::TerritoryDecl& d);
Lines dump_part(const ast::TemplateDecl& d);
Lines dump_part(const ast::QueueSettings& d);
std::string dump_part(const ast::OnChange& change);
std::string dump_part(const ast::DepartmentAction& a);

}  // namespace dunlin::syntax
