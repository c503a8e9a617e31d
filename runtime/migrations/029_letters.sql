-- Letters: a task bears the values that were true when it was written, its words are kept once for each version of them. Together they give the text.
-- The stored form of what a task bears stands in runtime/engine/letters.h.

create table dunlin.letter_words (
  key    text primary key,       -- of the words: a hash
  name   text not null,          -- the treatment
  queue  text not null,
  html   bool not null,          -- a page: values are escaped
  pieces text[] not null,        -- the fixed words between the values; never changed and never thrown away
  since  timestamptz not null default clock_timestamp()
);

-- A list of segments as text. What rests on personal data is masked where `personal` is false.
create function dunlin.join_letter(segments jsonb, pieces text[], html bool, personal bool) returns text
language sql stable set search_path = pg_catalog, dunlin, pg_temp as $$
  select coalesce(string_agg(
    case
      when jsonb_typeof(s.value) = 'number' then
        case when s.value::text::int >= 0 then pieces[s.value::text::int + 1] when personal then pieces[0 - s.value::text::int] else '***' end
      when jsonb_typeof(s.value) = 'object' and not personal then '***'
      when not html then v.text
      else replace(replace(replace(replace(replace(v.text, '&', '&amp;'), '<', '&lt;'), '>', '&gt;'), '"', '&quot;'), '''', '&#39;')
    end, '' order by s.nth), '')
  from jsonb_array_elements(segments) with ordinality s(value, nth),
       lateral (select case jsonb_typeof(s.value) when 'object' then s.value ->> 'p' else s.value #>> '{}' end as text) v
$$;

-- A field called `letter` of a queue without templates may hold anything.
create function dunlin.form_of(stored text) returns jsonb
language plpgsql immutable set search_path = pg_catalog, dunlin, pg_temp as $$
begin
  return case when stored like '{"name":%' then stored::jsonb end;
exception when invalid_text_representation then
  return null;
end $$;

-- The letter that the fields of a task bear: template, key, subject, format and text. Null: they bear none.
create function dunlin.letter_of(fields jsonb, personal bool) returns jsonb
language sql stable set search_path = pg_catalog, dunlin, pg_temp as $$
  select jsonb_strip_nulls(jsonb_build_object('template', w.name, 'key', w.key,
           'subject', case when f.form ? 'subject' then dunlin.join_letter(f.form -> 'subject', w.pieces, false, personal) end,
           'format', case when w.html then 'html' else 'text' end,
           'text', dunlin.join_letter(f.form -> 'body', w.pieces, w.html, personal)))
  from (select dunlin.form_of(fields ->> 'letter') as form) f
  join dunlin.letter_words w on w.key = f.form ->> 'key'
$$;

create function dunlin.letter(task uuid, personal bool default true) returns table (name text, key text, subject text, format text, body text)
language sql stable security definer set search_path = pg_catalog, dunlin, pg_temp as $$
  select l.letter ->> 'template', l.letter ->> 'key', l.letter ->> 'subject', l.letter ->> 'format', l.letter ->> 'text'
  from (select dunlin.letter_of(x.fields, personal) as letter from
         (select b.fields, 'infinity'::timestamptz as at from dunlin.task_open o join dunlin.task_body b on b.bucket = o.bucket and b.case_id = o.case_id and b.task = o.task
            where o.task = letter.task
          union all
          select d.fields, d.done_at from dunlin.task_done d where d.task = letter.task
          order by 2 desc limit 1) x) l
  where l.letter is not null
$$;
comment on function dunlin.letter is
  'The letter that a task bears, open or ended, as it was written: the same text for as long as the task is kept. `personal` false: what rests on personal data is masked. No row: the task bears none.';

-- A webhook gets the text; what it may see decides what is masked.
create function dunlin.send_letter() returns trigger
language plpgsql set search_path = pg_catalog, dunlin, pg_temp as $$
declare
  letter jsonb;
  clear bool;
begin
  clear := coalesce((select h.personal from dunlin.webhook h where h.id = new.webhook), false);
  letter := dunlin.letter_of(new.body -> 'fields', clear);
  if letter is not null then
    -- `clear`: what the webhook might see when this was written; it may see less when it is sent.
    new.body := jsonb_set(new.body, '{fields}', (new.body -> 'fields') - 'letter') || jsonb_build_object('document', letter || jsonb_build_object('clear', clear));
  end if;
  return new;
end $$;
create trigger send_letter before insert on dunlin.webhook_delivery for each row when (new.body -> 'fields' ? 'letter') execute function dunlin.send_letter();

revoke all on dunlin.letter_words from public;
revoke all on function dunlin.form_of, dunlin.join_letter, dunlin.letter_of, dunlin.letter, dunlin.send_letter from public;
select dunlin.let('{dunlin_consumer,dunlin_supervisor}', '{letter}');
