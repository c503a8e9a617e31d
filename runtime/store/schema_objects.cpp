#include "runtime/store/schema_objects.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <map>
#include <set>

namespace dunlin::store {

namespace {

/// Sorts of object as the list names them, and under which name `doctor` speaks of them.
struct Sort {
  std::string_view kind, finding;
  bool printed = false;       // the definition is what a server writes out, which another major version may write otherwise
  bool harmful_more = false;  // one that nobody of ours made changes what our statements do
  std::string_view beside;    // says more of the same object: nothing of its own is said if that is wrong already
};
constexpr std::array sorts{Sort{"table", "tables", false, false, ""},
                           Sort{"column", "columns", false, true, ""},
                           Sort{"default", "columns", true, true, "column"},
                           Sort{"constraint", "constraints", true, true, ""},
                           Sort{"unique index", "indexes", true, true, "constraint"},
                           Sort{"index", "indexes", true, false, ""},
                           Sort{"function", "functions", false, false, ""},
                           Sort{"trigger", "triggers", false, true, ""},
                           Sort{"trigger text", "triggers", true, true, "trigger"},
                           Sort{"rule", "rules", true, true, ""},
                           Sort{"view", "views", false, false, ""},
                           Sort{"view text", "views", true, false, "view"},
                           Sort{"sequence", "sequences", false, false, ""},
                           Sort{"type", "types", false, false, ""},
                           Sort{"policy", "policies", true, true, ""},
                           Sort{"grant", "grants", false, true, ""}};

using Objects = std::map<std::string, std::map<std::string, std::string>>;  // kind -> name -> definition

Objects objects_of(std::string_view lines) {
  Objects objects;
  while (!lines.empty()) {
    const size_t end = std::min(lines.find('\n'), lines.size());
    const std::string_view line = lines.substr(0, end);
    lines.remove_prefix(std::min(end + 1, lines.size()));
    const size_t first = line.find('\t');
    if (first == std::string_view::npos) continue;
    const size_t second = std::min(line.find('\t', first + 1), line.size());
    objects[std::string(line.substr(0, first))][std::string(line.substr(first + 1, second - first - 1))] =
        second == line.size() ? "" : std::string(line.substr(second + 1));
  }
  return objects;
}

/// "dunlin.task_open" of "dunlin.task_open.status"; the name itself where it has no such part.
std::string home_of(const std::string& name) {
  const size_t schema = name.find('.');
  return schema == std::string::npos ? name : name.substr(0, name.find('.', schema + 1));
}

/// "dunlin.transition" of its month "dunlin.transition_2026_11"; every other name as it is.
std::string without_month(const std::string& home) {
  constexpr std::string_view form = "_0000_00";
  if (home.size() <= form.size()) return home;
  const std::string_view tail = std::string_view(home).substr(home.size() - form.size());
  for (size_t i = 0; i < form.size(); ++i) {
    if (form[i] == '_' ? tail[i] != '_' : tail[i] < '0' || tail[i] > '9') return home;
  }
  return home.substr(0, home.size() - form.size());
}

std::string function_name(const std::string& called) { return called.substr(0, called.find('(')); }

struct Differences {
  std::vector<std::string> missing, changed, more;
  bool any() const { return !missing.empty() || !changed.empty() || !more.empty(); }
};

std::string listed(const std::vector<std::string>& names) {
  constexpr size_t most = 20;
  std::string text;
  for (size_t i = 0; i < std::min(most, names.size()); ++i) text += (i == 0 ? "" : ", ") + names[i];
  return names.size() > most ? fmt::format("{} and {} more", text, names.size() - most) : text;
}

class Comparison {
 public:
  Comparison(std::string_view wanted, std::string_view found) : wanted_(objects_of(wanted)), found_(objects_of(found)) {
    same_server_ = wanted_["server"] == found_["server"];
    for (const auto& [name, unused] : wanted_["function"]) function_names_.insert(function_name(name));
  }

  std::vector<Store::Finding> findings() {
    for (const Sort& sort : sorts) compare(sort);
    std::vector<Store::Finding> findings;
    for (const auto& [name, difference] : differences_) {
      if (difference.any()) findings.push_back({name, false, said_of(name, difference)});
    }
    if (findings.empty()) findings.push_back({"objects", true, all_there()});
    return findings;
  }

 private:
  void compare(const Sort& sort) {
    const std::string kind(sort.kind);
    const auto &wanted = wanted_[kind], &found = found_[kind];
    Differences& difference = differences_[std::string(sort.finding)];
    for (const auto& [name, definition] : wanted) {
      if (!is_due(sort, name)) continue;
      const auto there = found.find(name);
      if (there != found.end() && (there->second == definition || (sort.printed && !same_server_))) {
        ++whole_;
        continue;
      }
      wrong_.insert({kind, name});
      if (there == found.end())
        difference.missing.push_back(name);
      else
        difference.changed.push_back(change(name, there->second, definition));
    }
    for (const auto& [name, definition] : found) {
      if (wanted.contains(name) ||
          (!sort.beside.empty() && !wanted_[std::string(sort.beside)].contains(name) && found_[std::string(sort.beside)].contains(name)))
        continue;
      // A policy in the portfolio shows readers what is not theirs; a trigger there is its maker's affair.
      const std::string home = without_month(home_of(name));
      const bool of_ours = name.starts_with("dunlin.") && (wanted_["table"].contains(home) || wanted_["type"].contains(home));
      if (kind == "grant" && !grants_on(wanted_, name)) continue;
      if (kind == "grant" || (kind == "function" && function_names_.contains(function_name(name))) || (sort.harmful_more && (of_ours || kind == "policy"))) {
        difference.more.push_back(name);
      } else if (kind == "table" || kind == "view" || kind == "function" || kind == "sequence" || !sort.beside.empty()) {
        if (sort.beside.empty()) others_.push_back(name);
      } else if (of_ours || name.starts_with("portfolio.")) {
        others_.push_back(name);
      }
    }
  }

  /// Whether it has to be there at all, as far as nothing said so far accounts for it.
  bool is_due(const Sort& sort, const std::string& name) const {
    const std::string home = home_of(name);
    for (const char* whole : {"table", "type", "view"}) {
      if (sort.kind != whole && wrong_.contains({whole, home}) && missing(whole, home)) return false;
    }
    if (!sort.beside.empty() && wrong_.contains({std::string(sort.beside), name})) return false;
    if (sort.kind == "grant") {
      const std::string role = name.substr(name.rfind(" to ") + 4);
      if (role != "public" && !contains(found_, "role", role)) return false;
      if (!grants_on(found_, name)) return false;
    }
    return true;
  }

  static bool contains(const Objects& objects, const std::string& kind, const std::string& name) {
    const auto sort = objects.find(kind);
    return sort != objects.end() && sort->second.contains(name);
  }
  bool missing(const std::string& kind, const std::string& name) const { return !contains(found_, kind, name); }

  /// Whether what a grant is on ("select on dunlin.note to public") is there at all.
  static bool grants_on(const Objects& objects, const std::string& grant) {
    const size_t on = grant.find(" on ") + 4;
    const std::string target = grant.substr(on, grant.rfind(" to ") - on);
    if (target.starts_with("schema ")) return true;
    if (target.starts_with("function ")) return contains(objects, "function", target.substr(9));
    return contains(objects, "table", target) || contains(objects, "view", target) || contains(objects, "sequence", target);
  }

  static std::string change(const std::string& name, const std::string& is, const std::string& was) {
    if (is.starts_with("md5 ") || was.starts_with("md5 ")) return name;
    return fmt::format("{} (is `{}`, was made `{}`)", name, is, was);
  }

  static std::string said_of(const std::string& finding, const Differences& difference) {
    std::string text;
    const auto add = [&](std::string_view what, const std::vector<std::string>& names) {
      if (!names.empty()) text += fmt::format("{}{}: {}", text.empty() ? "" : "; ", what, listed(names));
    };
    add("missing", difference.missing);
    add("changed by hand", difference.changed);
    add("not made by dunlin", difference.more);
    if (finding == "grants") return text + "; grant what is missing, revoke what is too much";
    return text + "; docs/guides/operations.md, \"An object of the schema was changed\", says how it is made again" +
           (difference.more.empty() ? "" : "; drop what is too much, or move it out of the schema");
  }

  std::string all_there() const {
    std::string text = fmt::format("all {} of the schema are as the migrations make them", whole_);
    if (!same_server_) text += fmt::format("; what PostgreSQL {} writes out in its own way was compared by name only", wanted_.at("server").begin()->first);
    if (!others_.empty()) text += fmt::format("; not made by dunlin: {}", listed(others_));
    for (const auto& [role, unused] : wanted_.at("role")) {
      if (missing("role", role)) text += fmt::format("; there is no role {}, see docs/guides/consumers.md", role);
    }
    return text;
  }

  Objects wanted_, found_;
  bool same_server_ = false;
  std::set<std::string> function_names_;
  std::map<std::string, Differences> differences_;       // by name of the finding
  std::set<std::pair<std::string, std::string>> wrong_;  // kind and name
  std::vector<std::string> others_;
  size_t whole_ = 0;
};

}  // namespace

std::vector<Store::Finding> compare_objects(std::string_view wanted, std::string_view found) { return Comparison(wanted, found).findings(); }

std::string schema_objects_sql() {
  return R"sql(
with ours as (
  select c.oid, c.relname, c.relkind, c.relpersistence, c.relowner, c.relacl from pg_class c
  where c.relnamespace = 'dunlin'::regnamespace and c.relname not in ('instance_key', 'instance_region')
    and not exists (select from pg_inherits i where i.inhrelid = c.oid and c.relname ~ '_\d{4}_\d{2}$')
), month as (
  select i.inhrelid as oid, c.relname from pg_inherits i join pg_class c on c.oid = i.inhrelid where c.relnamespace = 'dunlin'::regnamespace and c.relname ~ '_\d{4}_\d{2}$'
), portfolio as (
  select c.oid, c.relname from pg_class c where c.relnamespace = to_regnamespace('portfolio') and c.relkind in ('r', 'p')
), functions as (
  select p.*, format('dunlin.%s(%s)', p.proname, oidvectortypes(p.proargtypes)) as called from pg_proc p where p.pronamespace = 'dunlin'::regnamespace
), objects as (
  select 'function' as kind, called as name,
         concat_ws('|', prosrc, l.lanname, prokind, prosecdef, proisstrict, proretset, provolatile, proparallel, case when prokind <> 'a' then pg_get_function_result(f.oid) end,
                   pg_get_function_arguments(f.oid), array_to_string(proconfig, ',')) as definition
  from functions f join pg_language l on l.oid = f.prolang
  union all
  select case relkind when 'r' then 'table' when 'p' then 'table' when 'v' then 'view' when 'm' then 'view' when 'S' then 'sequence' when 'f' then 'table' end, 'dunlin.' || o.relname,
         concat_ws(' ', o.relkind, case o.relpersistence when 'u' then 'unlogged' when 't' then 'temporary' end, case when p.partrelid is not null then format('by %s %s', p.partstrat, p.partattrs) end,
                   case when q.seqrelid is not null then format('%s from %s by %s cache %s%s', q.seqtypid::regtype, q.seqmin, q.seqincrement, q.seqcache, case when q.seqcycle then ' cycle' end) end)
  from ours o left join pg_partitioned_table p on p.partrelid = o.oid left join pg_sequence q on q.seqrelid = o.oid where o.relkind in ('r', 'p', 'v', 'm', 'S', 'f')
  union all
  select 'view text', 'dunlin.' || o.relname, pg_get_viewdef(o.oid) from ours o where o.relkind in ('v', 'm')
  union all
  select 'column', format('dunlin.%s.%s', o.relname, a.attname),
         concat_ws(' ', format_type(a.atttypid, a.atttypmod), case when a.attnotnull then 'not null' end, case when a.attidentity <> '' then 'identity ' || a.attidentity::text end,
                   case when a.attgenerated <> '' then 'generated' end)
  from ours o join pg_attribute a on a.attrelid = o.oid and a.attnum > 0 and not a.attisdropped where o.relkind in ('r', 'p', 'v', 'm', 'f', 'c')
  union all
  select 'default', format('dunlin.%s.%s', o.relname, a.attname), pg_get_expr(d.adbin, d.adrelid)
  from ours o join pg_attrdef d on d.adrelid = o.oid join pg_attribute a on a.attrelid = o.oid and a.attnum = d.adnum
  union all
  select case when i.indisunique then 'unique index' else 'index' end, format('dunlin.%s.%s', t.relname, o.relname),
         pg_get_indexdef(i.indexrelid) || case when i.indisvalid and i.indisready then '' else ' invalid' end
  from ours o join pg_index i on i.indexrelid = o.oid join ours t on t.oid = i.indrelid
  union all
  select 'constraint', format('dunlin.%s.%s', o.relname, k.conname), pg_get_constraintdef(k.oid) || case when k.convalidated then '' else ' not validated' end
  from ours o join pg_constraint k on k.conrelid = o.oid where k.contype not in ('n', 't')
  union all
  select 'trigger', format('%s.%s.%s', x.home, x.relname, g.tgname),
         concat_ws(' ', g.tgfoid::regproc, g.tgtype, case g.tgenabled when 'O' then 'enabled' when 'D' then 'disabled' else 'enabled ' || g.tgenabled::text end)
  from (select 'dunlin' as home, oid, relname from ours union all select 'dunlin', oid, relname from month union all select 'portfolio', oid, relname from portfolio) x
  join pg_trigger g on g.tgrelid = x.oid where not g.tgisinternal and g.tgparentid = 0
  union all
  select 'trigger text', format('dunlin.%s.%s', o.relname, g.tgname), pg_get_triggerdef(g.oid) from ours o join pg_trigger g on g.tgrelid = o.oid where not g.tgisinternal and g.tgparentid = 0
  union all
  select 'rule', format('%s.%s.%s', x.home, x.relname, r.rulename), pg_get_ruledef(r.oid)
  from (select 'dunlin' as home, oid, relname from ours union all select 'dunlin', oid, relname from month union all select 'portfolio', oid, relname from portfolio) x
  join pg_rewrite r on r.ev_class = x.oid where r.rulename <> '_RETURN'
  union all
  select 'policy', format('%s.%s.%s', x.home, x.relname, p.polname), concat_ws('|', p.polcmd, pg_get_expr(p.polqual, p.polrelid), pg_get_expr(p.polwithcheck, p.polrelid))
  from (select 'dunlin' as home, oid, relname from ours union all select 'portfolio', oid, relname from portfolio) x join pg_policy p on p.polrelid = x.oid
  where p.polname not like 'reading %'
  union all
  select 'type', 'dunlin.' || t.typname, concat_ws(' ', t.typtype, format_type(t.typbasetype, t.typtypmod)) from pg_type t left join pg_class c on c.oid = t.typrelid
  where t.typnamespace = 'dunlin'::regnamespace and t.typelem = 0 and (t.typrelid = 0 or c.relkind = 'c')
  union all
  select 'grant', format('%s on %s to %s', lower(a.privilege_type), x.what, coalesce(r.rolname, 'public')), ''
  from (select 'function ' || called as what, coalesce(proacl, acldefault('f', proowner)) as acl from functions
        union all select 'dunlin.' || relname, coalesce(relacl, acldefault(case relkind when 'S' then 's' else 'r' end::"char", relowner)) from ours where relkind in ('r', 'p', 'v', 'm', 'S')
        union all select 'schema ' || nspname, coalesce(nspacl, acldefault('n', nspowner)) from pg_namespace where nspname in ('dunlin', 'portfolio')) x
  cross join aclexplode(x.acl) a left join pg_roles r on r.oid = a.grantee
  where a.grantee = 0 or r.rolname in ('dunlin_consumer', 'dunlin_supervisor')
  union all
  select 'role', r.rolname, '' from pg_roles r where r.rolname in ('dunlin_consumer', 'dunlin_supervisor')
  union all
  select 'server', (current_setting('server_version_num')::int / 10000)::text, ''
)
select string_agg(concat_ws(e'\t', kind, name, case when kind <> 'function' and definition ~ '\m(AND|OR)\M' then 'md5 ' || md5(translate(definition, '()', ''))
                                                     when length(definition) > 70 or definition ~ '[\t\n\r]' then 'md5 ' || md5(definition) else definition end), e'\n'
                  order by kind collate "C", name collate "C") from objects
)sql";
}

std::string row_security_sql() {
  return R"sql(
select string_agg(said, ', ' order by said) from (
  select format('row security of %s.%s is off: `alter table %s.%s enable row level security`', n.nspname, c.relname, n.nspname, c.relname) as said
  from pg_class c join pg_namespace n on n.oid = c.relnamespace
  where n.nspname in ('dunlin', 'portfolio') and not c.relrowsecurity and exists (select from pg_policy p where p.polrelid = c.oid)
  union all
  select format('the reader %s has no policy on dunlin.%s: call dunlin.let_read() for it again', r.role, t.name)
  from dunlin.reader r cross join unnest(dunlin.reader_tables()) t(name)
  where not exists (select from pg_policy p where p.polrelid = to_regclass('dunlin.' || t.name) and p.polname = 'reading ' || r.role)
  union all
  select format('policy "%s" on %s.%s is of nobody that dunlin.reader knows: drop it', p.polname, n.nspname, c.relname)
  from pg_policy p join pg_class c on c.oid = p.polrelid join pg_namespace n on n.oid = c.relnamespace
  where n.nspname in ('dunlin', 'portfolio') and p.polname like 'reading %' and not exists (select from dunlin.reader r where p.polname = 'reading ' || r.role)
) wrong)sql";
}

}  // namespace dunlin::store
