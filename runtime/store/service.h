// Small questions and calls of other programs, many at once: what the server's API asks of the database. Every statement is a constant with
// parameters; answers are JSON as the database makes it.
#pragma once

#include <expected>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "runtime/store/postgres_store.h"

namespace dunlin::store {

/// What can be asked; the parameters stand in service_statements.cpp beside each statement.
enum class Ask : uint8_t {
  accounts,
  account_place,
  timeline,
  queues,
  tasks,
  task,
  lease,
  complete,
  complete_and_lease,
  release,
  extend,
  withdraw,
  reassign,
  pause_queue,
  resume_queue,
  post_event,
  post_events,
  moment,
  quarantine,
  audit,
  audit_head,
  audit_verify,
  audit_note,
  token_create,
  token_find,
  token_list,
  token_revoke,
  gauges,
  funnel,
  ping,
  rule_of_use,
  set_rule_of_use,
  proposals,
  proposal,
  propose,
  reject_proposal,
  webhooks,
  webhook,
  webhook_add,
  webhook_change,
  webhook_remove,
  webhook_new_secret,
  webhook_deliveries,
  webhook_redrive,
  webhooks_to_fill,
  fill_outbox,
  claim_deliveries,
  keep_for_delivery,
  delivered,
  delivery_failed,
  webhook_counts,
  queue_setting,
  queue_setting_change,
  report_funnel,
  report_queues,
  report_contacts,
  history,
  history_begins,
  history_border,
  history_older,
  history_forget,
  feed_status,
  feed_files,
  feed_begin,
  feed_end,
  feed_lift,
  note_correction,
  campaign_start,
  campaign_list,
  campaign_cases,
  campaign_release,
  campaign_stop,
  bulk_try,
  bulk_propose,
  bulk_approve,
  bulk_reject,
  bulk_undo,
  bulk_list,
  contact_stop,
  contact_resume,
  contact_stops,
  live_queues,
  live_version,
  announce_step,
  bind_scope,
  must_see_queue,
  nodes_not_ready,
  announce_candidate,
  candidates_for,
  report_ready,
  approvals,
  decide_approval,
  set_approver,
  approvers,
  requests,
  letter,
  // ---- the desk over HTTP; service_desk_statements.cpp ----
  bind_origin,
  heartbeat,
  complete_many,
  may_contact,
  withdrawn_tasks,
  record_contact,
  why,
  redrive,
  register_of,
  post_statuses,
  register_withdrawals,
  acknowledge_withdrawals,
  workers,
  worker,
  worker_lock,
  worker_facts,
  day_list,
  put_workers,
  worker_absent,
  worker_back,
  worker_day,
  fill_day_lists,
  schedules,
  territories,
  overrides,
  set_override,
  lift_override,
  close_account,
  reopen_account,
  search_keys,
  search_field,
  quarantined,
  quarantine_retry,
  quarantine_repair,
  quarantine_dismiss,
  step_again,
  bulk_page,
  bulk_one,
  campaign_page,
  campaign_case_page,
  feed_file_page,
  report_tasks,
  report_outcomes,
  order_experiment,
};

struct ServiceError {
  enum class Kind : uint8_t { unavailable, refused, conflict };  // the database is away; what was asked is wrong; somebody was first
  Kind kind = Kind::unavailable;
  std::string code;  // SQLSTATE, e.g. "DU011"
  std::string message, hint;
  bool disk_full = false;  // the database's
};

using Parameters = std::vector<std::optional<std::string>>;

/// A pool of connections. Thread safe. A broken connection is thrown away; the next question opens another.
class Service {
 public:
  /// Joins the private server of a folder, or uses the database that is named.
  static Result<std::unique_ptr<Service>> open(const PostgresOptions& options, size_t connections_max, int statement_timeout_ms);
  ~Service();
  Service(const Service&) = delete;
  Service& operator=(const Service&) = delete;

  /// The rows as a JSON array of objects. Each call is a transaction of its own.
  /// `scope`: what the caller is bound to (migration `bound`); empty: nothing.
  std::expected<std::string, ServiceError> ask(Ask what, const Parameters& parameters = {}, const std::string& scope = {});
  /// Several calls in one transaction: all or none. Answers in their order. `origin`: where the call comes from, for the audit; empty: not said.
  std::expected<std::vector<std::string>, ServiceError> ask_all(const std::vector<std::pair<Ask, Parameters>>& calls, const std::string& scope = {},
                                                                const std::string& origin = {});

 private:
  struct Inner;
  explicit Service(std::unique_ptr<Inner> inner);
  std::unique_ptr<Inner> inner_;
};

}  // namespace dunlin::store
