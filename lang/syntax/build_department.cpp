// Deadlines, approvals, quotas, allocations, feeds, campaigns, experiments, schedules, territories, templates.
#include <algorithm>

#include "lang/syntax/ast_department.h"
#include "lang/syntax/builder.h"

namespace dunlin::syntax {

void Builder::department(P::DeclarationContext& context, ast::Decl& out) {
  if (auto* d = context.limitsDecl()) {
    out.node = limits(*d);
  } else if (auto* d = context.holdDecl()) {
    out.node = hold(*d);
  } else if (auto* d = context.deadlineDecl()) {
    out.node = deadline(*d);
  } else if (auto* d = context.approvalDecl()) {
    out.node = approval(*d);
  } else if (auto* d = context.quotaDecl()) {
    out.node = quota(*d);
  } else if (auto* d = context.allocationDecl()) {
    out.node = allocation(*d);
  } else if (auto* d = context.feedDecl()) {
    out.node = feed(*d);
  } else if (auto* d = context.campaignDecl()) {
    out.node = campaign(*d);
  } else if (auto* d = context.experimentDecl()) {
    out.node = experiment(*d);
  } else if (auto* d = context.holdoutDecl()) {
    out.node = holdout(*d);
  } else if (auto* d = context.migrateDecl()) {
    out.node = migrate(*d);
  } else if (auto* d = context.scheduleDecl()) {
    out.node = schedule(*d);
  } else if (auto* d = context.territoryDecl()) {
    out.node = territory(*d);
  } else {
    out.node = letter_template(*context.templateDecl());
  }
}

ast::Part<ast::DeadlineDecl> Builder::deadline(P::DeadlineDeclContext& context) {
  auto out = std::make_shared<ast::DeadlineDecl>();
  out->span = span(context);
  out->name = name(*context.ident(0));
  if (context.FOR()) out->entity = name(*context.ident(1));
  out->length = sum(*context.sum(0));
  out->from = sum(*context.sum(1));
  if (context.deadlineBlock() == nullptr) return out;
  each_item(context.deadlineBlock()->deadlineItem(), [&](P::DeadlineItemContext& item) {
    const bool given = (item.SUSPENDED() && out->suspended_while) || (item.CALENDAR() && out->calendar) || (item.MISSED() && !out->missed.empty());
    only_once(given, span(item), source(span(*item.start)));
    if (item.WARN()) {
      ast::DeadlineDecl::Warning made;
      made.span = span(item);
      made.before = sum(*item.sum());
      if (item.actions()) made.actions = actions(*item.actions());
      out->warnings.push_back(std::move(made));
    } else if (item.SUSPENDED()) {
      out->suspended_while = expr(*item.expr());
    } else if (item.CALENDAR()) {
      out->calendar = sum(*item.sum());
    } else {
      out->missed = actions(*item.actions());
    }
  });
  return out;
}

ast::Part<ast::ApprovalDecl> Builder::approval(P::ApprovalDeclContext& context) {
  auto out = std::make_shared<ast::ApprovalDecl>();
  out->name = name(*context.ident(0));
  if (context.FOR()) out->entity = name(*context.ident(1));
  out->columns = columns(*context.columns());
  each_item(context.approvalBlock()->approvalItem(), [&](P::ApprovalItemContext& item) {
    const bool given = (item.BY() && out->by) || (item.NEVER() && out->never) || (item.DUE() && out->due) || (item.LAPSES() && out->lapses_after);
    only_once(given, span(item), source(span(*item.start)));
    if (item.NEVER()) {
      out->never = name(*item.ident());
    } else {
      (item.BY() ? out->by : item.DUE() ? out->due : out->lapses_after) = sum(*item.sum());
    }
  });
  return out;
}

std::vector<ast::AggregateExpr::OrderKey> Builder::order(const std::vector<P::OrderKeyContext*>& keys) {
  std::vector<ast::AggregateExpr::OrderKey> out;
  for (P::OrderKeyContext* key : keys) out.push_back({sum(*key->sum()), key->DESC() != nullptr});
  return out;
}

ast::Part<ast::QuotaDecl> Builder::quota(P::QuotaDeclContext& context) {
  auto out = std::make_shared<ast::QuotaDecl>();
  out->name = name(*context.ident(0));
  if (context.FOR()) out->entity = name(*context.ident(1));
  out->count = count(*context.attemptCount());
  out->period = period(*context.period());
  out->order = order(context.orderKey());
  return out;
}

ast::ExprPtr Builder::percent(const antlr4::Token& token) const {
  std::string digits(source(span(token)));
  std::erase(digits, '_');
  digits.pop_back();
  return make(span(token), ast::PercentLit{digits});
}

std::vector<ast::Share> Builder::shares(P::ShareBlockContext& context) {
  std::vector<ast::Share> out;
  for (P::ShareContext* item : context.share()) {
    ast::Share made;
    made.span = span(*item);
    made.name = item->TEXT() ? ast::Name{plain_text(*item->TEXT()->getSymbol()), span(*item->TEXT()->getSymbol())} : name(*item->ident());
    made.share = percent(*item->PERCENT()->getSymbol());
    made.value = optional_expr(item->expr());
    out.push_back(std::move(made));
  }
  return out;
}

ast::Part<ast::AllocationDecl> Builder::allocation(P::AllocationDeclContext& context) {
  auto out = std::make_shared<ast::AllocationDecl>();
  out->name = name(*context.ident(0));
  if (context.FOR()) out->entity = name(*context.ident(1));
  each_item(context.allocationBlock()->allocationItem(), [&](P::AllocationItemContext& item) {
    const bool given =
        (item.SHARES() && (out->shares_file || !out->shares.empty())) || (item.SPLIT() && out->split_by) || (item.BY() && !item.SPLIT() && out->measure);
    only_once(given, span(item), source(span(*item.start)));
    if (item.SHARES()) {
      out->shares_span = span(item);
      if (item.fileName()) {
        out->shares_file = plain_text(*item.fileName()->start);
        out->shares_span = span(*item.fileName());
      } else {
        out->shares = shares(*item.shareBlock());
      }
    } else if (item.CAP()) {
      out->caps.push_back({sum(*item.sum()), name(*item.ident(0)), span(item)});
    } else if (item.NEVER()) {
      out->never.push_back({name(*item.ident(0)), name(*item.ident(1)), name(*item.ident(2)), name(*item.ident(3)), span(item)});
    } else if (item.SPLIT()) {
      out->split_by = name(*item.ident(0));
    } else {
      out->measure = sum(*item.sum());
    }
  });
  return out;
}

ast::Part<ast::FeedDecl> Builder::feed(P::FeedDeclContext& context) {
  auto out = std::make_shared<ast::FeedDecl>();
  out->name = name(*context.ident());
  out->title = optional_text(context.TEXT());
  each_item(context.feedBlock()->feedItem(), [&](P::FeedItemContext& item) {
    only_once((item.DUE() && out->due) || (item.LATE() && !out->late.empty()) || (item.REFUSE() && out->refuses), span(item), source(span(*item.start)));
    if (item.DUE()) {
      const antlr4::Token& time = *item.TIME()->getSymbol();
      out->due = make(span(time), time_literal(time));
    } else if (item.LATE()) {
      out->late = actions(*item.actions());
    } else {
      out->refuses = name(*item.ident());
      for (P::RefusalContext* refusal : item.refusal()) {
        ast::FeedDecl::Refusal made;
        made.span = span(*refusal);
        if (refusal->DIFFERS()) {
          made.differs = name(*refusal->ident());
        } else {
          made.condition = comparison(*refusal->comparison());
        }
        out->refusals.push_back(std::move(made));
      }
    }
  });
  return out;
}

ast::Among Builder::among(P::AmongContext& context) {
  ast::Among out;
  out.span = span(context);
  out.entity = name(*context.ident());
  out.where = optional_expr(context.expr());
  return out;
}

ast::RunTime Builder::run_time(P::RunTimeContext& context) {
  ast::RunTime out;
  out.span = span(context);
  out.from = sum(*context.sum(0));
  out.to = sum(*context.sum(1));
  for (P::HoursContext* item : context.hours()) out.hours.push_back(hours(*item));
  return out;
}

ast::Part<ast::CampaignDecl> Builder::campaign(P::CampaignDeclContext& context) {
  auto out = std::make_shared<ast::CampaignDecl>();
  out->title = plain_text(*context.TEXT()->getSymbol());
  each_item(context.campaignBlock()->campaignItem(), [&](P::CampaignItemContext& item) {
    const bool given = (item.LIST() && out->list_file) || (item.among() && out->among) || (item.runTime() && out->run) || (item.PRIORITY() && out->priority);
    only_once(given, span(item), source(span(*item.start)));
    if (item.LIST()) {
      out->list_file = plain_text(*item.fileName()->start);
      out->list_span = span(*item.fileName());
    } else if (item.among()) {
      out->among = among(*item.among());
    } else if (item.runTime()) {
      out->run = run_time(*item.runTime());
    } else if (item.PRIORITY()) {
      out->priority = sum(*item.sum());
    } else if (item.MOST()) {
      out->at_most.push_back({count(*item.attemptCount()), period(*item.period())});
    } else {
      out->tasks.push_back({path(*item.path()), treatment(item.treatment()), span(item)});
    }
  });
  return out;
}

void Builder::experiment_item(P::ExperimentItemContext& context, ast::ExperimentDecl& out) {
  const bool given = (context.ARMS() && !out.values.empty()) || (context.among() && out.among) || (context.SPLIT() && out.split_by) ||
                     (context.LAYER() && out.layer) || (context.SUCCESS() && out.success) || (!context.COST().empty() && (out.cost || out.cost_of)) ||
                     (context.runTime() && out.run);
  only_once(given, span(context), source(span(*context.start)));
  if (context.CHAMPION() || context.CHALLENGER()) {
    out.arms.push_back({context.CHAMPION() != nullptr, path(*context.path()), percent(*context.PERCENT()->getSymbol()), span(context)});
  } else if (context.ARMS()) {
    if (context.path()) out.parameter = path(*context.path());
    out.values = shares(*context.shareBlock());
  } else if (context.among()) {
    out.among = among(*context.among());
  } else if (context.SPLIT()) {
    out.split_by = name(*context.ident());
  } else if (context.LAYER()) {
    out.layer = name(*context.ident());
  } else if (context.SUCCESS()) {
    out.success = expr(*context.expr());
  } else if (!context.COST().empty()) {
    if (context.OF()) out.cost_of = name(*context.ident());
    out.cost = optional_expr(context.expr());
  } else if (context.GUARDRAIL()) {
    out.guardrails.push_back(expr(*context.expr()));
  } else {
    out.run = run_time(*context.runTime());
  }
}

ast::Part<ast::ExperimentDecl> Builder::experiment(P::ExperimentDeclContext& context) {
  auto out = std::make_shared<ast::ExperimentDecl>();
  out->name = name(*context.ident());
  out->title = optional_text(context.TEXT());
  each_item(context.experimentBlock()->experimentItem(), [&](P::ExperimentItemContext& item) { experiment_item(item, *out); });
  return out;
}

ast::Part<ast::HoldoutDecl> Builder::holdout(P::HoldoutDeclContext& context) {
  auto out = std::make_shared<ast::HoldoutDecl>();
  out->share = percent(*context.PERCENT()->getSymbol());
  const std::vector<P::IdentContext*> names = context.ident();
  if (context.BY()) out->split_by = name(*names.back());
  if (names.size() > (context.BY() ? 1U : 0U)) out->name = name(*names.front());
  if (context.experimentBlock() == nullptr) return out;
  each_item(context.experimentBlock()->experimentItem(), [&](P::ExperimentItemContext& item) { experiment_item(item, out->settings); });
  return out;
}

ast::Part<ast::MigrateDecl> Builder::migrate(P::MigrateDeclContext& context) {
  auto out = std::make_shared<ast::MigrateDecl>();
  out->from = path(*context.path(0));
  out->to = path(*context.path(1));
  out->value = optional_expr(context.expr());
  return out;
}

ast::Part<ast::OnChange> Builder::on_change(P::OnChangeContext& context) const {
  auto out = std::make_shared<ast::OnChange>();
  out->span = span(context);
  out->what = name_of(*context.stop);
  return out;
}

ast::Part<ast::ScheduleDecl> Builder::schedule(P::ScheduleDeclContext& context) {
  auto out = std::make_shared<ast::ScheduleDecl>();
  out->name = name(*context.ident());
  out->title = optional_text(context.TEXT());
  each_item(context.scheduleBlock()->scheduleItem(), [&](P::ScheduleItemContext& item) {
    only_once((item.CALENDAR() && out->calendar) || (item.TIMEZONE() && out->timezone), span(item), source(span(*item.start)));
    if (item.CLOSED()) {
      out->closed.push_back(day_group(*item.dayGroup()));
    } else if (item.CALENDAR()) {
      out->calendar = name(*item.ident());
    } else if (item.TIMEZONE()) {
      out->timezone = zone(*item.zone());
    } else {
      for (P::HoursContext* part : item.hours()) out->hours.push_back(hours(*part));
    }
  });
  return out;
}

ast::Part<ast::TerritoryDecl> Builder::territory(P::TerritoryDeclContext& context) {
  auto out = std::make_shared<ast::TerritoryDecl>();
  out->name = name(*context.ident());
  out->title = optional_text(context.TEXT());
  each_item(context.territoryBlock()->territoryItem(), [&](P::TerritoryItemContext& item) {
    only_once((item.FROM() && out->regions_file) || (item.SCHEDULE() && out->schedule), span(item), source(span(*item.start)));
    if (item.FROM()) {
      out->regions_file = plain_text(*item.fileName()->start);
      out->regions_span = span(*item.fileName());
    } else if (item.REGIONS()) {
      out->regions_span = span(item);
      for (antlr4::tree::TerminalNode* region : item.TEXT()) out->regions.push_back(plain_text(*region->getSymbol()));
    } else if (item.CAPACITY()) {
      out->capacities.push_back({count(*item.attemptCount()), path(*item.path()), period(*item.period()), span(item)});
    } else {
      out->schedule = name(*item.ident());
    }
  });
  return out;
}

ast::Part<ast::TemplateDecl> Builder::letter_template(P::TemplateDeclContext& context) {
  auto out = std::make_shared<ast::TemplateDecl>();
  out->title = plain_text(*context.TEXT()->getSymbol());
  out->title_span = span(*context.TEXT()->getSymbol());
  out->entity = name(*context.ident(0));
  if (context.TO()) out->recipient = name(*context.ident(1));
  out->queues = paths(context.path());
  out->file = plain_text(*context.fileName()->start);
  out->file_span = span(*context.fileName());
  if (context.templateBlock() == nullptr) return out;
  each_item(context.templateBlock()->templateItem(), [&](P::TemplateItemContext& item) {
    if (item.plainName()) {
      const ast::Name word = name_of(*item.plainName()->start);
      only_once(std::ranges::any_of(out->settings, [&](const auto& given) { return given.name.text == word.text; }), span(item), word.text);
      out->settings.push_back({word, plain_text(*item.TEXT()->getSymbol()), span(*item.TEXT()->getSymbol())});
      return;
    }
    only_once(out->subject != nullptr, span(item), "subject");
    out->subject = text(*item.text()->start);
  });
  return out;
}

// ---- queues ----

void Builder::merge_item(P::MergeItemContext& context, ast::QueueSettings::Merge& out) {
  if (context.LEAD()) {
    only_once(!out.lead.empty(), span(context), "lead");
    out.lead = order(context.orderKey());
  } else if (context.COUNTS()) {
    only_once(out.counts_once, span(context), "counts once");
    out.counts_once = true;
  } else {
    out.outcomes.push_back({path(*context.path()), name(*context.ident(0)), name(*context.ident(1)), span(context)});
  }
}

void Builder::queue_setting(P::QueueItemContext& context, ast::QueueSettings& out) {
  const bool given = (context.MERGE() && out.merge) || (context.ASSIGN() && !out.assign.empty()) || (context.NEEDS() && !out.needs.empty()) ||
                     (context.LATE() && out.late) || (context.NUMBERS() && out.numbers) || (context.BATCH() && out.batch) ||
                     (context.STATUS() && out.status_by);
  only_once(given, span(context), source(span(*context.start)));
  if (context.MERGE()) {
    ast::QueueSettings::Merge made;
    made.span = span(context);
    made.per = name(*context.ident(0));
    if (context.mergeBlock()) each_item(context.mergeBlock()->mergeItem(), [&](P::MergeItemContext& item) { merge_item(item, made); });
    out.merge = std::move(made);
  } else if (context.ASSIGN()) {
    for (P::AssignWayContext* way : context.assignWay()) out.assign.push_back(assign_way(*way));
  } else if (context.NEEDS()) {
    for (P::NeedContext* item : context.need()) {
      ast::QueueSettings::Need made;
      made.span = span(*item);
      made.kind = name(*item->ident());
      made.text = plain_text(*item->text()->start);
      made.text_span = span(*item->text());
      made.within = optional_sum(item->sum());
      out.needs.push_back(std::move(made));
    }
  } else if (context.LATE()) {
    out.late = ast::QueueSettings::Late{sum(*context.sum()), context.text() ? text(*context.text()->start) : nullptr, span(context)};
  } else if (context.NUMBERS()) {
    out.numbers = plain_text(*context.fileName()->start);
    out.numbers_span = span(*context.fileName());
  } else if (context.BATCH()) {
    out.batch = batch(context);
  } else {
    out.status_by = name(*context.ident(0));
    out.status_span = span(context);
  }
}

ast::QueueSettings::Batch Builder::batch(P::QueueItemContext& context) {
  ast::QueueSettings::Batch out;
  out.span = span(context);
  const antlr4::Token& time = *context.TIME()->getSymbol();
  out.at = make(span(time), time_literal(time));
  out.rhythm = name(*context.ident(0));
  if (context.AS()) {
    out.as = name(*context.ident(1));
    out.as_text = plain_text(*context.text()->start);
  }
  return out;
}

ast::QueueSettings::Assign Builder::assign_way(P::AssignWayContext& context) {
  ast::QueueSettings::Assign out;
  out.span = span(context);
  if (context.STICKY()) {
    out.sticky_on = path(*context.path());
  } else if (context.BY()) {
    out.by = name(*context.ident(0));
  } else {
    out.one = name(*context.ident(0));
    out.whom = name(*context.ident(1));
    out.per = name(*context.ident(2));
  }
  return out;
}

}  // namespace dunlin::syntax
