-- A desk at work as step 009 of the schema kept it: the tables of the portfolio, what was imported, stepped and posted. Generated; everybody in it is invented.
CREATE TABLE portfolio.account (
    dunlin_bucket integer NOT NULL,
    dunlin_case bigint NOT NULL,
    dunlin_id bigint NOT NULL,
    dunlin_parent bigint NOT NULL,
    dunlin_key text NOT NULL,
    dunlin_since timestamp with time zone NOT NULL,
    id text,
    owed numeric(21,2),
    urgency bigint,
    client text
);
CREATE TABLE portfolio.debtor (
    dunlin_bucket integer NOT NULL,
    dunlin_case bigint NOT NULL,
    dunlin_id bigint NOT NULL,
    dunlin_parent bigint NOT NULL,
    dunlin_key text NOT NULL,
    dunlin_since timestamp with time zone NOT NULL,
    id text
);
CREATE TABLE portfolio.account_past (
    dunlin_bucket integer NOT NULL,
    dunlin_case bigint NOT NULL,
    dunlin_id bigint NOT NULL,
    dunlin_parent bigint NOT NULL,
    dunlin_key text NOT NULL,
    dunlin_since timestamp with time zone NOT NULL,
    dunlin_until timestamp with time zone NOT NULL,
    id text,
    owed numeric(21,2),
    urgency bigint,
    client text
);
CREATE TABLE portfolio.debtor_past (
    dunlin_bucket integer NOT NULL,
    dunlin_case bigint NOT NULL,
    dunlin_id bigint NOT NULL,
    dunlin_parent bigint NOT NULL,
    dunlin_key text NOT NULL,
    dunlin_since timestamp with time zone NOT NULL,
    dunlin_until timestamp with time zone NOT NULL,
    id text
);
ALTER TABLE ONLY portfolio.account
    ADD CONSTRAINT account_pkey PRIMARY KEY (dunlin_bucket, dunlin_case, dunlin_id);
ALTER TABLE ONLY portfolio.debtor
    ADD CONSTRAINT debtor_pkey PRIMARY KEY (dunlin_bucket, dunlin_case, dunlin_id);
CREATE INDEX account_dunlin_key_idx ON portfolio.account USING btree (dunlin_key);
CREATE INDEX account_past_dunlin_bucket_dunlin_case_idx ON portfolio.account_past USING btree (dunlin_bucket, dunlin_case);
CREATE INDEX debtor_dunlin_key_idx ON portfolio.debtor USING btree (dunlin_key);
CREATE INDEX debtor_past_dunlin_bucket_dunlin_case_idx ON portfolio.debtor_past USING btree (dunlin_bucket, dunlin_case);
insert into dunlin.name (id, kind, name) overriding system value values
('1', 'event', 'call'),
('10', 'field', 'amount'),
('11', 'field', 'cost'),
('12', 'field', 'due'),
('13', 'field', 'reason'),
('14', 'field', 'task_identity'),
('15', 'field', 'treatment'),
('16', 'queue', 'call'),
('17', 'queue', 'errand'),
('18', 'stage', 'soft.calling'),
('19', 'stage', 'soft.settled'),
('2', 'event', 'call.missed'),
('20', 'strategy', 'soft'),
('3', 'event', 'call.missed.busy'),
('4', 'event', 'call.missed.no_answer'),
('5', 'event', 'call.reached'),
('6', 'event', 'call.reached.friend'),
('7', 'event', 'call.reached.promises'),
('8', 'event', 'call.reached.refuses'),
('9', 'event', 'payment');
insert into dunlin.event_type (id, name, alias, owner, leaf) overriding system value values
('1', 'call', '', 'account', 'false'),
('2', 'call.missed', '', 'account', 'false'),
('3', 'call.missed.busy', '', 'account', 'true'),
('4', 'call.missed.no_answer', '', 'account', 'true'),
('5', 'call.reached', '', 'account', 'false'),
('6', 'call.reached.friend', '', 'account', 'true'),
('7', 'call.reached.promises', 'promise', 'account', 'true'),
('8', 'call.reached.refuses', '', 'account', 'true'),
('9', 'payment', '', 'account', 'true');
insert into dunlin.bundle (number, name, content_hash, author, activated_at, active) values
('1', 'queue_desk', 'a7f353cd9be35da63bd0ca866fbf07290cde3fbffc7e908d33286f25f086f50a', 'anna', '2026-11-23 00:54:15.281873+00', 'true');
insert into dunlin.queue_setting (queue, name, outcomes, cost, lease, channel, contacts, merge, assign, rate, rate_per, returns_max, lease_max, refused_for, paused_at, paused_by, paused_why) values
('16', 'call', 'call', '1.50', '00:10:00', NULL, 'true', 'false', 'by_priority', NULL, '00:01:00', '3', '08:00:00', '00:10:00', NULL, NULL, NULL),
('17', 'errand', NULL, '2.00', '00:10:00', NULL, 'true', 'false', 'by_priority', NULL, '00:01:00', '3', '08:00:00', '00:10:00', NULL, NULL, NULL);
insert into dunlin.bundle_file (number, position, path, content) values
('1', '0', 'desk.dun', '/// A small desk for tests of the queues: one standing call for each account that owes something, an errand without an outcome for urgent ones.
bundle queue_desk "Desk of the queue tests" {
  timezone  UTC
  currency  EUR
  calendar  none
  day       starts 00:00
}

entity debtor { key id : text }
entity account of debtor {
  key id   : text
  owed     : money
  urgency  : int
  client   : text
}
event payment of account { amount : money }

outcomes call of account {
  reached { promises as promise (amount : money, due : date), refuses (reason : text?), friend }
  missed  { busy, no_answer }
}
queue call {
  outcomes call
  cost     1.50
  lease    10 minutes
  fields   { script : text? }
}
queue errand { cost 2.00 }

strategy soft "Soft" for account {
  enrol when owed > 0
  when owed <= 0 : go settled
  stage calling {
    keep call "script" while owed > 0 and not exists(promise) {
      again    15 minutes
      attempts at most 100 in stage
      priority { urgency: urgency }
      fields   { script: "owes {owed}" }
    }
    keep errand "file" while urgency >= 1_000 { }
    on promise : note "promised {event.amount}"
    on payment where amount >= 100 : go settled
  }
  final stage settled { enrol again when owed > 1_000_000 }
}
');
insert into dunlin.case_file (bucket, case_id, step_no, version, wake_at, set_aside) values
('163', '18427994167578413', '1', '1', 'infinity', 'false'),
('175', '8428738343624859448', '1', '1', 'infinity', 'false'),
('187', '2208567285323542284', '1', '1', 'infinity', 'false'),
('261', '3276238275012790297', '1', '1', 'infinity', 'false'),
('312', '9103554746959733500', '2', '1', 'infinity', 'false'),
('321', '4265856979534569781', '1', '1', 'infinity', 'false'),
('332', '5338885499840428711', '1', '1', 'infinity', 'false'),
('339', '1474288739473796619', '1', '1', 'infinity', 'false'),
('345', '5182510058948755199', '1', '1', 'infinity', 'false'),
('375', '3839943452587310634', '1', '1', 'infinity', 'false'),
('424', '8145045517787190227', '2', '1', 'infinity', 'false'),
('460', '60893628871798304', '1', '1', 'infinity', 'false'),
('466', '5244491392166092670', '1', '1', 'infinity', 'false'),
('469', '8491459466373845378', '1', '1', 'infinity', 'false'),
('485', '2245499770909220245', '1', '1', 'infinity', 'false'),
('502', '2664039409234216398', '1', '1', 'infinity', 'false'),
('505', '4186968687673043381', '1', '1', 'infinity', 'false'),
('508', '7717034189749992706', '1', '1', 'infinity', 'false'),
('513', '5539021136313063020', '1', '1', 'infinity', 'false'),
('519', '6681931645032628520', '1', '1', 'infinity', 'false'),
('534', '9146718229803239287', '1', '1', 'infinity', 'false'),
('571', '2951755969795720791', '2', '1', 'infinity', 'false'),
('6', '5051526694283638683', '1', '1', 'infinity', 'false'),
('628', '7496541370947907086', '1', '1', 'infinity', 'false'),
('669', '1972759859408834490', '1', '1', 'infinity', 'false'),
('734', '4437674274357279115', '1', '1', 'infinity', 'false'),
('740', '6974040234939088966', '1', '1', 'infinity', 'false'),
('75', '4761290713268169387', '1', '1', 'infinity', 'false'),
('804', '690109777430818643', '1', '1', 'infinity', 'false'),
('834', '2413641448862177336', '1', '1', 'infinity', 'false'),
('845', '4230310713426560469', '1', '1', 'infinity', 'false'),
('889', '3324424569051673871', '1', '1', 'infinity', 'false'),
('891', '1215926598597868743', '1', '1', 'infinity', 'false'),
('893', '7452995483044969769', '1', '1', 'infinity', 'false'),
('940', '2637214919954337094', '1', '1', 'infinity', 'false'),
('973', '6967708756220343289', '1', '1', 'infinity', 'false'),
('98', '2090356867978762527', '1', '1', 'infinity', 'false'),
('985', '684677233521698017', '1', '1', 'infinity', 'false'),
('992', '3545193159883986583', '1', '1', 'infinity', 'false'),
('995', '4189468765335825576', '2', '1', 'infinity', 'false');
insert into dunlin.event (bucket, case_id, at, seq, instance_id, type, raised, recorded_at, source, external_id, body, payload) values
('312', '9103554746959733500', '2026-11-20 09:01:00+00', '42', '1172826998454512337', '9', 'false', '2026-11-23 00:54:16.396946+00', 'bank', 'p1', NULL, '{"amount": 5}'),
('424', '8145045517787190227', '2026-11-20 09:00:00+00', '41', '5010977512159023683', '9', 'false', '2026-11-23 00:54:16.395768+00', 'bank', 'p0', NULL, '{"amount": 5}'),
('571', '2951755969795720791', '2026-11-20 09:02:00+00', '43', '4053860462092060817', '9', 'false', '2026-11-23 00:54:16.397649+00', 'bank', 'p2', NULL, '{"amount": 5}'),
('995', '4189468765335825576', '2026-11-20 09:03:00+00', '44', '4438299093901852940', '9', 'false', '2026-11-23 00:54:16.398142+00', 'bank', 'p3', NULL, '{"amount": 5}');
insert into dunlin.event_field (type, name, kind, optional, literals) values
('1', 'cost', 'money', 'true', NULL),
('1', 'task_identity', 'int', 'true', NULL),
('1', 'treatment', 'text', 'true', NULL),
('2', 'cost', 'money', 'true', NULL),
('2', 'task_identity', 'int', 'true', NULL),
('2', 'treatment', 'text', 'true', NULL),
('3', 'cost', 'money', 'true', NULL),
('3', 'task_identity', 'int', 'true', NULL),
('3', 'treatment', 'text', 'true', NULL),
('4', 'cost', 'money', 'true', NULL),
('4', 'task_identity', 'int', 'true', NULL),
('4', 'treatment', 'text', 'true', NULL),
('5', 'cost', 'money', 'true', NULL),
('5', 'task_identity', 'int', 'true', NULL),
('5', 'treatment', 'text', 'true', NULL),
('6', 'cost', 'money', 'true', NULL),
('6', 'task_identity', 'int', 'true', NULL),
('6', 'treatment', 'text', 'true', NULL),
('7', 'amount', 'money', 'false', NULL),
('7', 'cost', 'money', 'true', NULL),
('7', 'due', 'date', 'false', NULL),
('7', 'task_identity', 'int', 'true', NULL),
('7', 'treatment', 'text', 'true', NULL),
('8', 'cost', 'money', 'true', NULL),
('8', 'reason', 'text', 'true', NULL),
('8', 'task_identity', 'int', 'true', NULL),
('8', 'treatment', 'text', 'true', NULL),
('9', 'amount', 'money', 'false', NULL);
insert into dunlin.event_key (bucket, key) values
('312', '465d23f9-b8a5-e177-cd6a-8a223d0de9ba'),
('424', '2bb46fab-190e-4c99-b416-740e6aa41797'),
('571', '59c6234f-7fbd-0038-1c42-07b0f090d676'),
('995', '8f3bc007-9d9f-29d2-7dc3-6e5cad164b49');
insert into dunlin.rule (key, strategy, stage, name) values
('-2618941398633595233', 'soft', '', 'soft when owed <= 0'),
('-7076904132475456288', 'soft', 'calling', 'calling on payment'),
('5159652138235168142', 'soft', 'calling', 'calling keep call "script"'),
('6054623994941205837', 'soft', 'calling', 'calling keep errand "file"'),
('6067726338153630753', 'soft', 'calling', 'calling on promise');
insert into dunlin.state (bucket, case_id, instance_id, version, strategy, stage, step_no, entered_at, wake_at, body) values
('163', '18427994167578413', '3821263503942829523', '1', '20', '18', '1', '2026-11-23 00:54:15.281873+00', 'infinity', E'\\x01a2a3e186e1b9b00602000232f3d7b45c22cc14020000'),
('175', '8428738343624859448', '7090482474643098535', '1', '20', '18', '1', '2026-11-23 00:54:15.281873+00', 'infinity', E'\\x01a2a3e186e1b9b00602000232f3d7b45c22cc14020000'),
('187', '2208567285323542284', '7448198387610845567', '1', '20', '18', '1', '2026-11-23 00:54:15.281873+00', 'infinity', E'\\x01a2a3e186e1b9b00602000232f3d7b45c22cc14020000'),
('261', '3276238275012790297', '1550219070686260659', '1', '20', '18', '1', '2026-11-23 00:54:15.281873+00', 'infinity', E'\\x01a2a3e186e1b9b00602000232f3d7b45c22cc14020000'),
('312', '9103554746959733500', '1172826998454512337', '1', '20', '18', '1', '2026-11-23 00:54:15.281873+00', 'infinity', E'\\x01a2a3e186e1b9b00602000232f3d7b45c22cc14020000'),
('321', '4265856979534569781', '4077394234413427959', '1', '20', '18', '1', '2026-11-23 00:54:15.281873+00', 'infinity', E'\\x01a2a3e186e1b9b00602000232f3d7b45c22cc14020000'),
('332', '5338885499840428711', '3041107672559977851', '1', '20', '18', '1', '2026-11-23 00:54:15.281873+00', 'infinity', E'\\x01a2a3e186e1b9b00602000232f3d7b45c22cc14020000'),
('339', '1474288739473796619', '871492174479706904', '1', '20', '18', '1', '2026-11-23 00:54:15.281873+00', 'infinity', E'\\x01a2a3e186e1b9b00602000232f3d7b45c22cc14020000'),
('345', '5182510058948755199', '3155335285111816280', '1', '20', '18', '1', '2026-11-23 00:54:15.281873+00', 'infinity', E'\\x01a2a3e186e1b9b00602000232f3d7b45c22cc14020000'),
('375', '3839943452587310634', '4148833669399689223', '1', '20', '18', '1', '2026-11-23 00:54:15.281873+00', 'infinity', E'\\x01a2a3e186e1b9b00602000232f3d7b45c22cc14020000'),
('424', '8145045517787190227', '5010977512159023683', '1', '20', '18', '1', '2026-11-23 00:54:15.281873+00', 'infinity', E'\\x01a2a3e186e1b9b00602000232f3d7b45c22cc14020000'),
('460', '60893628871798304', '4263180660672619121', '1', '20', '18', '1', '2026-11-23 00:54:15.281873+00', 'infinity', E'\\x01a2a3e186e1b9b00602000232f3d7b45c22cc14020000'),
('466', '5244491392166092670', '579856413591477540', '1', '20', '18', '1', '2026-11-23 00:54:15.281873+00', 'infinity', E'\\x01a2a3e186e1b9b00602000232f3d7b45c22cc14020000'),
('469', '8491459466373845378', '6850326523012061161', '1', '20', '18', '1', '2026-11-23 00:54:15.281873+00', 'infinity', E'\\x01a2a3e186e1b9b00602000232f3d7b45c22cc14020000'),
('485', '2245499770909220245', '3596178252257732190', '1', '20', '18', '1', '2026-11-23 00:54:15.281873+00', 'infinity', E'\\x01a2a3e186e1b9b00602000232f3d7b45c22cc14020000'),
('502', '2664039409234216398', '1923346627603759249', '1', '20', '18', '1', '2026-11-23 00:54:15.281873+00', 'infinity', E'\\x01a2a3e186e1b9b00602000232f3d7b45c22cc14020000'),
('505', '4186968687673043381', '4566431881493886670', '1', '20', '18', '1', '2026-11-23 00:54:15.281873+00', 'infinity', E'\\x01a2a3e186e1b9b00602000232f3d7b45c22cc14020000'),
('508', '7717034189749992706', '1747563591791517043', '1', '20', '18', '1', '2026-11-23 00:54:15.281873+00', 'infinity', E'\\x01a2a3e186e1b9b00602000232f3d7b45c22cc14020000'),
('513', '5539021136313063020', '5334894525293175221', '1', '20', '18', '1', '2026-11-23 00:54:15.281873+00', 'infinity', E'\\x01a2a3e186e1b9b00602000232f3d7b45c22cc14020000'),
('519', '6681931645032628520', '8377919069408670860', '1', '20', '18', '1', '2026-11-23 00:54:15.281873+00', 'infinity', E'\\x01a2a3e186e1b9b00602000232f3d7b45c22cc14020000'),
('534', '9146718229803239287', '8668324032147254868', '1', '20', '18', '1', '2026-11-23 00:54:15.281873+00', 'infinity', E'\\x01a2a3e186e1b9b00602000232f3d7b45c22cc14020000'),
('571', '2951755969795720791', '4053860462092060817', '1', '20', '18', '1', '2026-11-23 00:54:15.281873+00', 'infinity', E'\\x01a2a3e186e1b9b00602000232f3d7b45c22cc14020000'),
('6', '5051526694283638683', '4426089641511731394', '1', '20', '18', '1', '2026-11-23 00:54:15.281873+00', 'infinity', E'\\x01a2a3e186e1b9b00602000232f3d7b45c22cc14020000'),
('628', '7496541370947907086', '4410311225318744259', '1', '20', '18', '1', '2026-11-23 00:54:15.281873+00', 'infinity', E'\\x01a2a3e186e1b9b00602000232f3d7b45c22cc14020000'),
('669', '1972759859408834490', '3936148253031139760', '1', '20', '18', '1', '2026-11-23 00:54:15.281873+00', 'infinity', E'\\x01a2a3e186e1b9b00602000232f3d7b45c22cc14020000'),
('734', '4437674274357279115', '1546787553545068471', '1', '20', '18', '1', '2026-11-23 00:54:15.281873+00', 'infinity', E'\\x01a2a3e186e1b9b00602000232f3d7b45c22cc14020000'),
('740', '6974040234939088966', '683384916125283830', '1', '20', '18', '1', '2026-11-23 00:54:15.281873+00', 'infinity', E'\\x01a2a3e186e1b9b00602000232f3d7b45c22cc14020000'),
('75', '4761290713268169387', '5098108556611254680', '1', '20', '18', '1', '2026-11-23 00:54:15.281873+00', 'infinity', E'\\x01a2a3e186e1b9b00602000232f3d7b45c22cc14020000'),
('804', '690109777430818643', '7244656167122603811', '1', '20', '18', '1', '2026-11-23 00:54:15.281873+00', 'infinity', E'\\x01a2a3e186e1b9b00602000232f3d7b45c22cc14020000'),
('834', '2413641448862177336', '9061031564791920448', '1', '20', '18', '1', '2026-11-23 00:54:15.281873+00', 'infinity', E'\\x01a2a3e186e1b9b00602000232f3d7b45c22cc14020000'),
('845', '4230310713426560469', '4908147714923297090', '1', '20', '18', '1', '2026-11-23 00:54:15.281873+00', 'infinity', E'\\x01a2a3e186e1b9b00602000232f3d7b45c22cc14020000'),
('889', '3324424569051673871', '2992785729691144367', '1', '20', '18', '1', '2026-11-23 00:54:15.281873+00', 'infinity', E'\\x01a2a3e186e1b9b00602000232f3d7b45c22cc14020000'),
('891', '1215926598597868743', '656524586415393160', '1', '20', '18', '1', '2026-11-23 00:54:15.281873+00', 'infinity', E'\\x01a2a3e186e1b9b00602000232f3d7b45c22cc14020000'),
('893', '7452995483044969769', '6426925753975105932', '1', '20', '18', '1', '2026-11-23 00:54:15.281873+00', 'infinity', E'\\x01a2a3e186e1b9b00602000232f3d7b45c22cc14020000'),
('940', '2637214919954337094', '6584722438682027299', '1', '20', '18', '1', '2026-11-23 00:54:15.281873+00', 'infinity', E'\\x01a2a3e186e1b9b00602000232f3d7b45c22cc14020000'),
('973', '6967708756220343289', '6534421098518521972', '1', '20', '18', '1', '2026-11-23 00:54:15.281873+00', 'infinity', E'\\x01a2a3e186e1b9b00602000232f3d7b45c22cc14020000'),
('98', '2090356867978762527', '2964215868924084450', '1', '20', '18', '1', '2026-11-23 00:54:15.281873+00', 'infinity', E'\\x01a2a3e186e1b9b00602000232f3d7b45c22cc14020000'),
('985', '684677233521698017', '3844619813072798494', '1', '20', '18', '1', '2026-11-23 00:54:15.281873+00', 'infinity', E'\\x01a2a3e186e1b9b00602000232f3d7b45c22cc14020000'),
('992', '3545193159883986583', '7460267933352295169', '1', '20', '18', '1', '2026-11-23 00:54:15.281873+00', 'infinity', E'\\x01a2a3e186e1b9b00602000232f3d7b45c22cc14020000'),
('995', '4189468765335825576', '4438299093901852940', '1', '20', '18', '1', '2026-11-23 00:54:15.281873+00', 'infinity', E'\\x01a2a3e186e1b9b00602000232f3d7b45c22cc14020000');
insert into dunlin.task_body (bucket, case_id, task, identity, rule, recipient, stage, standing, stays, treatment, created_at, expires, time_window, fields, limits, limits_until) values
('163', '18427994167578413', '213dcdfa-5f82-a952-7acf-3fe1130be972', '169654096034154887', '5159652138235168142', '0', NULL, 'true', 'false', 'script', '2026-11-23 00:54:15.281873+00', 'infinity', '-1', '{"script": "owes 125.00"}', NULL, NULL),
('175', '8428738343624859448', '5bb9eda3-9039-a6ba-6fae-acbf284edfb6', '6655491936355194635', '5159652138235168142', '0', NULL, 'true', 'false', 'script', '2026-11-23 00:54:15.281873+00', 'infinity', '-1', '{"script": "owes 114.00"}', NULL, NULL),
('187', '2208567285323542284', 'd906e4df-ed12-9ed9-9428-206c5b024f73', '6127142592011607445', '5159652138235168142', '0', NULL, 'true', 'false', 'script', '2026-11-23 00:54:15.281873+00', 'infinity', '-1', '{"script": "owes 115.00"}', NULL, NULL),
('261', '3276238275012790297', '4a1b1f93-a470-dced-dbb5-aacc725154d1', '8824406403082503218', '5159652138235168142', '0', NULL, 'true', 'false', 'script', '2026-11-23 00:54:15.281873+00', 'infinity', '-1', '{"script": "owes 131.00"}', NULL, NULL),
('312', '9103554746959733500', '502172cf-b100-d0d0-6af9-6be63a48af81', '2568128017318031415', '5159652138235168142', '0', NULL, 'true', 'false', 'script', '2026-11-23 00:54:15.281873+00', 'infinity', '-1', '{"script": "owes 101.00"}', NULL, NULL),
('321', '4265856979534569781', '5d8290c8-2757-9a99-a287-d10fdae0909d', '8869854561610178133', '6054623994941205837', '0', NULL, 'true', 'false', 'file', '2026-11-23 00:54:15.281873+00', 'infinity', '-1', NULL, NULL, NULL),
('321', '4265856979534569781', '89dfb031-c4ab-42ec-b43f-62bc21759913', '3779789756824168303', '5159652138235168142', '0', NULL, 'true', 'false', 'script', '2026-11-23 00:54:15.281873+00', 'infinity', '-1', '{"script": "owes 110.00"}', NULL, NULL),
('332', '5338885499840428711', '57e4085c-da03-102e-8327-b25fcad09f73', '2686504421626998061', '5159652138235168142', '0', NULL, 'true', 'false', 'script', '2026-11-23 00:54:15.281873+00', 'infinity', '-1', '{"script": "owes 136.00"}', NULL, NULL),
('339', '1474288739473796619', '4dba8764-c73c-b69f-da2d-2a8747f526c6', '3235522408230993548', '5159652138235168142', '0', NULL, 'true', 'false', 'script', '2026-11-23 00:54:15.281873+00', 'infinity', '-1', '{"script": "owes 132.00"}', NULL, NULL),
('345', '5182510058948755199', 'c0385606-89d6-8333-09da-6e06c0dcccbd', '7126115489030288878', '5159652138235168142', '0', NULL, 'true', 'false', 'script', '2026-11-23 00:54:15.281873+00', 'infinity', '-1', '{"script": "owes 111.00"}', NULL, NULL),
('375', '3839943452587310634', '6b58f067-d2c2-5840-1f48-a34e648fc978', '1692623492586336002', '5159652138235168142', '0', NULL, 'true', 'false', 'script', '2026-11-23 00:54:15.281873+00', 'infinity', '-1', '{"script": "owes 129.00"}', NULL, NULL),
('424', '8145045517787190227', '9dd338ea-1e5f-7ec9-81ac-c13c26426716', '1627538965822857880', '5159652138235168142', '0', NULL, 'true', 'false', 'script', '2026-11-23 00:54:15.281873+00', 'infinity', '-1', '{"script": "owes 100.00"}', NULL, NULL),
('424', '8145045517787190227', 'ed7dc9e5-0362-ab74-556e-fde7db7b8e4b', '8942063824947022654', '6054623994941205837', '0', NULL, 'true', 'false', 'file', '2026-11-23 00:54:15.281873+00', 'infinity', '-1', NULL, NULL, NULL),
('460', '60893628871798304', '0c086405-267e-2a2b-6072-3ceed1db6440', '3018878842130707883', '5159652138235168142', '0', NULL, 'true', 'false', 'script', '2026-11-23 00:54:15.281873+00', 'infinity', '-1', '{"script": "owes 134.00"}', NULL, NULL),
('466', '5244491392166092670', 'aeb512c4-a80c-59f5-c142-0fc79b1388cf', '836476106798953404', '5159652138235168142', '0', NULL, 'true', 'false', 'script', '2026-11-23 00:54:15.281873+00', 'infinity', '-1', '{"script": "owes 119.00"}', NULL, NULL),
('469', '8491459466373845378', 'b1fc5176-7232-1a0c-c723-14565dec278f', '4090811794169896689', '5159652138235168142', '0', NULL, 'true', 'false', 'script', '2026-11-23 00:54:15.281873+00', 'infinity', '-1', '{"script": "owes 108.00"}', NULL, NULL),
('485', '2245499770909220245', '88d98a8d-e8c2-d5df-978c-d00f04d40947', '4908039925587125629', '5159652138235168142', '0', NULL, 'true', 'false', 'script', '2026-11-23 00:54:15.281873+00', 'infinity', '-1', '{"script": "owes 138.00"}', NULL, NULL),
('502', '2664039409234216398', '5edfcfe7-9c6f-6984-c4e9-9e28b941ac8b', '8556789152428314690', '5159652138235168142', '0', NULL, 'true', 'false', 'script', '2026-11-23 00:54:15.281873+00', 'infinity', '-1', '{"script": "owes 139.00"}', NULL, NULL),
('505', '4186968687673043381', '623285c2-ae5e-3056-2993-d36d5a86013e', '7519599049588767512', '5159652138235168142', '0', NULL, 'true', 'false', 'script', '2026-11-23 00:54:15.281873+00', 'infinity', '-1', '{"script": "owes 106.00"}', NULL, NULL),
('508', '7717034189749992706', 'dc26a20f-b34d-6b39-7e96-e79bfb5efe03', '2008530792613164006', '5159652138235168142', '0', NULL, 'true', 'false', 'script', '2026-11-23 00:54:15.281873+00', 'infinity', '-1', '{"script": "owes 105.00"}', NULL, NULL),
('513', '5539021136313063020', '0080c3c5-41e9-57af-36c0-6b2a87bf7149', '1190391223724797161', '5159652138235168142', '0', NULL, 'true', 'false', 'script', '2026-11-23 00:54:15.281873+00', 'infinity', '-1', '{"script": "owes 120.00"}', NULL, NULL),
('513', '5539021136313063020', 'a5872a65-2d7a-986e-f66f-b480520eee92', '6470270380005409761', '6054623994941205837', '0', NULL, 'true', 'false', 'file', '2026-11-23 00:54:15.281873+00', 'infinity', '-1', NULL, NULL, NULL),
('519', '6681931645032628520', '5b98bfb0-b7e8-732a-c7d5-05bf00c42234', '6657300454542545867', '5159652138235168142', '0', NULL, 'true', 'false', 'script', '2026-11-23 00:54:15.281873+00', 'infinity', '-1', '{"script": "owes 124.00"}', NULL, NULL),
('534', '9146718229803239287', 'bfd7c3f3-1007-fec5-951f-672701214339', '1815950381715754833', '5159652138235168142', '0', NULL, 'true', 'false', 'script', '2026-11-23 00:54:15.281873+00', 'infinity', '-1', '{"script": "owes 127.00"}', NULL, NULL),
('571', '2951755969795720791', 'e198955e-a611-baaf-dfea-d5ec5a67e7e2', '5918143178657898578', '5159652138235168142', '0', NULL, 'true', 'false', 'script', '2026-11-23 00:54:15.281873+00', 'infinity', '-1', '{"script": "owes 102.00"}', NULL, NULL),
('6', '5051526694283638683', '1b0e9546-5b18-aba9-38e7-f37db914b456', '4519920321580982029', '5159652138235168142', '0', NULL, 'true', 'false', 'script', '2026-11-23 00:54:15.281873+00', 'infinity', '-1', '{"script": "owes 122.00"}', NULL, NULL),
('628', '7496541370947907086', 'a7ecde8c-3a3b-5795-06e5-e59d3bbe9c50', '9081218377556241916', '5159652138235168142', '0', NULL, 'true', 'false', 'script', '2026-11-23 00:54:15.281873+00', 'infinity', '-1', '{"script": "owes 126.00"}', NULL, NULL),
('669', '1972759859408834490', '874ac00f-6bc8-1cce-d7af-0bdf9006126e', '9009106660046131330', '5159652138235168142', '0', NULL, 'true', 'false', 'script', '2026-11-23 00:54:15.281873+00', 'infinity', '-1', '{"script": "owes 112.00"}', NULL, NULL),
('734', '4437674274357279115', '0025e89c-e88e-13b7-b348-52cdfe9d23dd', '3957808423220149453', '5159652138235168142', '0', NULL, 'true', 'false', 'script', '2026-11-23 00:54:15.281873+00', 'infinity', '-1', '{"script": "owes 135.00"}', NULL, NULL),
('740', '6974040234939088966', 'cde95bfb-fe94-fc53-2b82-e443732f679a', '4857345898136377393', '5159652138235168142', '0', NULL, 'true', 'false', 'script', '2026-11-23 00:54:15.281873+00', 'infinity', '-1', '{"script": "owes 123.00"}', NULL, NULL),
('75', '4761290713268169387', '51029f64-cca2-0dc1-8516-2610a5d4eb73', '4865141173961724231', '5159652138235168142', '0', NULL, 'true', 'false', 'script', '2026-11-23 00:54:15.281873+00', 'infinity', '-1', '{"script": "owes 113.00"}', NULL, NULL),
('804', '690109777430818643', '8be1701a-1d47-4c5f-3f30-fe03ebd1a6ea', '8129534515939033690', '5159652138235168142', '0', NULL, 'true', 'false', 'script', '2026-11-23 00:54:15.281873+00', 'infinity', '-1', '{"script": "owes 130.00"}', NULL, NULL),
('804', '690109777430818643', 'd64b89c4-19a9-4b7e-fe10-c6e5d90bd75e', '5498747898647347897', '6054623994941205837', '0', NULL, 'true', 'false', 'file', '2026-11-23 00:54:15.281873+00', 'infinity', '-1', NULL, NULL, NULL),
('834', '2413641448862177336', 'b4547f95-4e43-5944-de15-45c5bc2b0578', '2725120196337104162', '5159652138235168142', '0', NULL, 'true', 'false', 'script', '2026-11-23 00:54:15.281873+00', 'infinity', '-1', '{"script": "owes 109.00"}', NULL, NULL),
('845', '4230310713426560469', 'e0b6e3dc-8e7f-63d7-937d-3db88ca521fd', '1296786622320926994', '5159652138235168142', '0', NULL, 'true', 'false', 'script', '2026-11-23 00:54:15.281873+00', 'infinity', '-1', '{"script": "owes 121.00"}', NULL, NULL),
('889', '3324424569051673871', '458ab86a-44bf-5203-6bda-e24f4ef5342a', '2016927525300496947', '5159652138235168142', '0', NULL, 'true', 'false', 'script', '2026-11-23 00:54:15.281873+00', 'infinity', '-1', '{"script": "owes 133.00"}', NULL, NULL),
('891', '1215926598597868743', 'e761735d-842e-5104-0ae7-4069ba145d2c', '5206818631284208180', '5159652138235168142', '0', NULL, 'true', 'false', 'script', '2026-11-23 00:54:15.281873+00', 'infinity', '-1', '{"script": "owes 137.00"}', NULL, NULL),
('893', '7452995483044969769', 'd64c64d9-ecf4-06db-4eaa-96643fa67f74', '6474973498376208756', '5159652138235168142', '0', NULL, 'true', 'false', 'script', '2026-11-23 00:54:15.281873+00', 'infinity', '-1', '{"script": "owes 107.00"}', NULL, NULL),
('940', '2637214919954337094', '6c0827c8-982c-9f3c-c38b-62389df935cb', '8108302784898904926', '5159652138235168142', '0', NULL, 'true', 'false', 'script', '2026-11-23 00:54:15.281873+00', 'infinity', '-1', '{"script": "owes 128.00"}', NULL, NULL),
('973', '6967708756220343289', 'fbebca93-0da6-22b8-876d-ecc28134605c', '6097964198507830156', '5159652138235168142', '0', NULL, 'true', 'false', 'script', '2026-11-23 00:54:15.281873+00', 'infinity', '-1', '{"script": "owes 104.00"}', NULL, NULL),
('98', '2090356867978762527', '0467a50d-edd4-938d-6510-a0a61945afc8', '2034528576723870087', '5159652138235168142', '0', NULL, 'true', 'false', 'script', '2026-11-23 00:54:15.281873+00', 'infinity', '-1', '{"script": "owes 117.00"}', NULL, NULL),
('985', '684677233521698017', '189d2ca6-ef64-0a7d-eb6d-dcf9c56304e2', '6131347229426694312', '5159652138235168142', '0', NULL, 'true', 'false', 'script', '2026-11-23 00:54:15.281873+00', 'infinity', '-1', '{"script": "owes 116.00"}', NULL, NULL),
('992', '3545193159883986583', 'f84f0955-3eb5-21e9-c56e-cdb4492026aa', '2283299517186017284', '5159652138235168142', '0', NULL, 'true', 'false', 'script', '2026-11-23 00:54:15.281873+00', 'infinity', '-1', '{"script": "owes 118.00"}', NULL, NULL),
('995', '4189468765335825576', 'f30860bf-2a59-33ce-d672-313f10f43a30', '7879956687111640789', '5159652138235168142', '0', NULL, 'true', 'false', 'script', '2026-11-23 00:54:15.281873+00', 'infinity', '-1', '{"script": "owes 103.00"}', NULL, NULL);
insert into dunlin.task_open (bucket, case_id, task, instance_id, queue, priority, status, marked, not_before, lease_until, lease_epoch, worker, seq, wakes, due, returns, assigned, lead, reason) values
('163', '18427994167578413', '213dcdfa-5f82-a952-7acf-3fe1130be972', '3821263503942829523', '16', '0', '0', 'false', '2026-11-23 00:54:15.281873+00', NULL, '0', NULL, '4', NULL, 'infinity', '0', NULL, NULL, NULL),
('175', '8428738343624859448', '5bb9eda3-9039-a6ba-6fae-acbf284edfb6', '7090482474643098535', '16', '0', '0', 'false', '2026-11-23 00:54:15.281873+00', NULL, '0', NULL, '5', NULL, 'infinity', '0', NULL, NULL, NULL),
('187', '2208567285323542284', 'd906e4df-ed12-9ed9-9428-206c5b024f73', '7448198387610845567', '16', '0', '0', 'false', '2026-11-23 00:54:15.281873+00', NULL, '0', NULL, '6', NULL, 'infinity', '0', NULL, NULL, NULL),
('261', '3276238275012790297', '4a1b1f93-a470-dced-dbb5-aacc725154d1', '1550219070686260659', '16', '0', '0', 'false', '2026-11-23 00:54:15.281873+00', NULL, '0', NULL, '7', NULL, 'infinity', '0', NULL, NULL, NULL),
('312', '9103554746959733500', '502172cf-b100-d0d0-6af9-6be63a48af81', '1172826998454512337', '16', '0', '0', 'false', '2026-11-23 00:54:15.281873+00', NULL, '0', NULL, '8', NULL, 'infinity', '0', NULL, NULL, NULL),
('321', '4265856979534569781', '5d8290c8-2757-9a99-a287-d10fdae0909d', '4077394234413427959', '17', '0', '0', 'false', '2026-11-23 00:54:15.281873+00', NULL, '0', NULL, '9', NULL, 'infinity', '0', NULL, NULL, NULL),
('321', '4265856979534569781', '89dfb031-c4ab-42ec-b43f-62bc21759913', '4077394234413427959', '16', '1500', '0', 'false', '2026-11-23 00:54:15.281873+00', NULL, '0', NULL, '10', NULL, 'infinity', '0', NULL, NULL, NULL),
('332', '5338885499840428711', '57e4085c-da03-102e-8327-b25fcad09f73', '3041107672559977851', '16', '0', '0', 'false', '2026-11-23 00:54:15.281873+00', NULL, '0', NULL, '11', NULL, 'infinity', '0', NULL, NULL, NULL),
('339', '1474288739473796619', '4dba8764-c73c-b69f-da2d-2a8747f526c6', '871492174479706904', '16', '0', '0', 'false', '2026-11-23 00:54:15.281873+00', NULL, '0', NULL, '12', NULL, 'infinity', '0', NULL, NULL, NULL),
('345', '5182510058948755199', 'c0385606-89d6-8333-09da-6e06c0dcccbd', '3155335285111816280', '16', '0', '0', 'false', '2026-11-23 00:54:15.281873+00', NULL, '0', NULL, '13', NULL, 'infinity', '0', NULL, NULL, NULL),
('375', '3839943452587310634', '6b58f067-d2c2-5840-1f48-a34e648fc978', '4148833669399689223', '16', '0', '0', 'false', '2026-11-23 00:54:15.281873+00', NULL, '0', NULL, '14', NULL, 'infinity', '0', NULL, NULL, NULL),
('424', '8145045517787190227', '9dd338ea-1e5f-7ec9-81ac-c13c26426716', '5010977512159023683', '16', '1500', '0', 'false', '2026-11-23 00:54:15.281873+00', NULL, '0', NULL, '15', NULL, 'infinity', '0', NULL, NULL, NULL),
('424', '8145045517787190227', 'ed7dc9e5-0362-ab74-556e-fde7db7b8e4b', '5010977512159023683', '17', '0', '0', 'false', '2026-11-23 00:54:15.281873+00', NULL, '0', NULL, '16', NULL, 'infinity', '0', NULL, NULL, NULL),
('460', '60893628871798304', '0c086405-267e-2a2b-6072-3ceed1db6440', '4263180660672619121', '16', '0', '0', 'false', '2026-11-23 00:54:15.281873+00', NULL, '0', NULL, '17', NULL, 'infinity', '0', NULL, NULL, NULL),
('466', '5244491392166092670', 'aeb512c4-a80c-59f5-c142-0fc79b1388cf', '579856413591477540', '16', '0', '0', 'false', '2026-11-23 00:54:15.281873+00', NULL, '0', NULL, '18', NULL, 'infinity', '0', NULL, NULL, NULL),
('469', '8491459466373845378', 'b1fc5176-7232-1a0c-c723-14565dec278f', '6850326523012061161', '16', '0', '0', 'false', '2026-11-23 00:54:15.281873+00', NULL, '0', NULL, '19', NULL, 'infinity', '0', NULL, NULL, NULL),
('485', '2245499770909220245', '88d98a8d-e8c2-d5df-978c-d00f04d40947', '3596178252257732190', '16', '0', '0', 'false', '2026-11-23 00:54:15.281873+00', NULL, '0', NULL, '20', NULL, 'infinity', '0', NULL, NULL, NULL),
('502', '2664039409234216398', '5edfcfe7-9c6f-6984-c4e9-9e28b941ac8b', '1923346627603759249', '16', '0', '0', 'false', '2026-11-23 00:54:15.281873+00', NULL, '0', NULL, '21', NULL, 'infinity', '0', NULL, NULL, NULL),
('505', '4186968687673043381', '623285c2-ae5e-3056-2993-d36d5a86013e', '4566431881493886670', '16', '0', '0', 'false', '2026-11-23 00:54:15.281873+00', NULL, '0', NULL, '22', NULL, 'infinity', '0', NULL, NULL, NULL),
('508', '7717034189749992706', 'dc26a20f-b34d-6b39-7e96-e79bfb5efe03', '1747563591791517043', '16', '0', '0', 'false', '2026-11-23 00:54:15.281873+00', NULL, '0', NULL, '23', NULL, 'infinity', '0', NULL, NULL, NULL),
('513', '5539021136313063020', '0080c3c5-41e9-57af-36c0-6b2a87bf7149', '5334894525293175221', '16', '1500', '0', 'false', '2026-11-23 00:54:15.281873+00', NULL, '0', NULL, '24', NULL, 'infinity', '0', NULL, NULL, NULL),
('513', '5539021136313063020', 'a5872a65-2d7a-986e-f66f-b480520eee92', '5334894525293175221', '17', '0', '0', 'false', '2026-11-23 00:54:15.281873+00', NULL, '0', NULL, '25', NULL, 'infinity', '0', NULL, NULL, NULL),
('519', '6681931645032628520', '5b98bfb0-b7e8-732a-c7d5-05bf00c42234', '8377919069408670860', '16', '0', '0', 'false', '2026-11-23 00:54:15.281873+00', NULL, '0', NULL, '26', NULL, 'infinity', '0', NULL, NULL, NULL),
('534', '9146718229803239287', 'bfd7c3f3-1007-fec5-951f-672701214339', '8668324032147254868', '16', '0', '0', 'false', '2026-11-23 00:54:15.281873+00', NULL, '0', NULL, '27', NULL, 'infinity', '0', NULL, NULL, NULL),
('571', '2951755969795720791', 'e198955e-a611-baaf-dfea-d5ec5a67e7e2', '4053860462092060817', '16', '0', '0', 'false', '2026-11-23 00:54:15.281873+00', NULL, '0', NULL, '28', NULL, 'infinity', '0', NULL, NULL, NULL),
('6', '5051526694283638683', '1b0e9546-5b18-aba9-38e7-f37db914b456', '4426089641511731394', '16', '0', '0', 'false', '2026-11-23 00:54:15.281873+00', NULL, '0', NULL, '1', NULL, 'infinity', '0', NULL, NULL, NULL),
('628', '7496541370947907086', 'a7ecde8c-3a3b-5795-06e5-e59d3bbe9c50', '4410311225318744259', '16', '0', '0', 'false', '2026-11-23 00:54:15.281873+00', NULL, '0', NULL, '29', NULL, 'infinity', '0', NULL, NULL, NULL),
('669', '1972759859408834490', '874ac00f-6bc8-1cce-d7af-0bdf9006126e', '3936148253031139760', '16', '0', '0', 'false', '2026-11-23 00:54:15.281873+00', NULL, '0', NULL, '30', NULL, 'infinity', '0', NULL, NULL, NULL),
('734', '4437674274357279115', '0025e89c-e88e-13b7-b348-52cdfe9d23dd', '1546787553545068471', '16', '0', '0', 'false', '2026-11-23 00:54:15.281873+00', NULL, '0', NULL, '31', NULL, 'infinity', '0', NULL, NULL, NULL),
('740', '6974040234939088966', 'cde95bfb-fe94-fc53-2b82-e443732f679a', '683384916125283830', '16', '0', '0', 'false', '2026-11-23 00:54:15.281873+00', NULL, '0', NULL, '32', NULL, 'infinity', '0', NULL, NULL, NULL),
('75', '4761290713268169387', '51029f64-cca2-0dc1-8516-2610a5d4eb73', '5098108556611254680', '16', '0', '0', 'false', '2026-11-23 00:54:15.281873+00', NULL, '0', NULL, '2', NULL, 'infinity', '0', NULL, NULL, NULL),
('804', '690109777430818643', '8be1701a-1d47-4c5f-3f30-fe03ebd1a6ea', '7244656167122603811', '16', '1500', '0', 'false', '2026-11-23 00:54:15.281873+00', NULL, '0', NULL, '33', NULL, 'infinity', '0', NULL, NULL, NULL),
('804', '690109777430818643', 'd64b89c4-19a9-4b7e-fe10-c6e5d90bd75e', '7244656167122603811', '17', '0', '0', 'false', '2026-11-23 00:54:15.281873+00', NULL, '0', NULL, '34', NULL, 'infinity', '0', NULL, NULL, NULL),
('834', '2413641448862177336', 'b4547f95-4e43-5944-de15-45c5bc2b0578', '9061031564791920448', '16', '0', '0', 'false', '2026-11-23 00:54:15.281873+00', NULL, '0', NULL, '35', NULL, 'infinity', '0', NULL, NULL, NULL),
('845', '4230310713426560469', 'e0b6e3dc-8e7f-63d7-937d-3db88ca521fd', '4908147714923297090', '16', '0', '0', 'false', '2026-11-23 00:54:15.281873+00', NULL, '0', NULL, '36', NULL, 'infinity', '0', NULL, NULL, NULL),
('889', '3324424569051673871', '458ab86a-44bf-5203-6bda-e24f4ef5342a', '2992785729691144367', '16', '0', '0', 'false', '2026-11-23 00:54:15.281873+00', NULL, '0', NULL, '37', NULL, 'infinity', '0', NULL, NULL, NULL),
('891', '1215926598597868743', 'e761735d-842e-5104-0ae7-4069ba145d2c', '656524586415393160', '16', '0', '0', 'false', '2026-11-23 00:54:15.281873+00', NULL, '0', NULL, '38', NULL, 'infinity', '0', NULL, NULL, NULL),
('893', '7452995483044969769', 'd64c64d9-ecf4-06db-4eaa-96643fa67f74', '6426925753975105932', '16', '0', '0', 'false', '2026-11-23 00:54:15.281873+00', NULL, '0', NULL, '39', NULL, 'infinity', '0', NULL, NULL, NULL),
('940', '2637214919954337094', '6c0827c8-982c-9f3c-c38b-62389df935cb', '6584722438682027299', '16', '0', '0', 'false', '2026-11-23 00:54:15.281873+00', NULL, '0', NULL, '40', NULL, 'infinity', '0', NULL, NULL, NULL),
('973', '6967708756220343289', 'fbebca93-0da6-22b8-876d-ecc28134605c', '6534421098518521972', '16', '0', '0', 'false', '2026-11-23 00:54:15.281873+00', NULL, '0', NULL, '41', NULL, 'infinity', '0', NULL, NULL, NULL),
('98', '2090356867978762527', '0467a50d-edd4-938d-6510-a0a61945afc8', '2964215868924084450', '16', '0', '0', 'false', '2026-11-23 00:54:15.281873+00', NULL, '0', NULL, '3', NULL, 'infinity', '0', NULL, NULL, NULL),
('985', '684677233521698017', '189d2ca6-ef64-0a7d-eb6d-dcf9c56304e2', '3844619813072798494', '16', '0', '0', 'false', '2026-11-23 00:54:15.281873+00', NULL, '0', NULL, '42', NULL, 'infinity', '0', NULL, NULL, NULL),
('992', '3545193159883986583', 'f84f0955-3eb5-21e9-c56e-cdb4492026aa', '7460267933352295169', '16', '0', '0', 'false', '2026-11-23 00:54:15.281873+00', NULL, '0', NULL, '43', NULL, 'infinity', '0', NULL, NULL, NULL),
('995', '4189468765335825576', 'f30860bf-2a59-33ce-d672-313f10f43a30', '4438299093901852940', '16', '0', '0', 'false', '2026-11-23 00:54:15.281873+00', NULL, '0', NULL, '44', NULL, 'infinity', '0', NULL, NULL, NULL);
insert into dunlin.transition (bucket, case_id, instance_id, at, step_no, nth, version, from_strategy, from_stage, to_strategy, to_stage, rule, source_file, source_begin) values
('163', '18427994167578413', '3821263503942829523', '2026-11-23 00:54:15.281873+00', '1', '0', '1', NULL, NULL, '20', '18', '0', '0', '776'),
('175', '8428738343624859448', '7090482474643098535', '2026-11-23 00:54:15.281873+00', '1', '0', '1', NULL, NULL, '20', '18', '0', '0', '776'),
('187', '2208567285323542284', '7448198387610845567', '2026-11-23 00:54:15.281873+00', '1', '0', '1', NULL, NULL, '20', '18', '0', '0', '776'),
('261', '3276238275012790297', '1550219070686260659', '2026-11-23 00:54:15.281873+00', '1', '0', '1', NULL, NULL, '20', '18', '0', '0', '776'),
('312', '9103554746959733500', '1172826998454512337', '2026-11-23 00:54:15.281873+00', '1', '0', '1', NULL, NULL, '20', '18', '0', '0', '776'),
('321', '4265856979534569781', '4077394234413427959', '2026-11-23 00:54:15.281873+00', '1', '0', '1', NULL, NULL, '20', '18', '0', '0', '776'),
('332', '5338885499840428711', '3041107672559977851', '2026-11-23 00:54:15.281873+00', '1', '0', '1', NULL, NULL, '20', '18', '0', '0', '776'),
('339', '1474288739473796619', '871492174479706904', '2026-11-23 00:54:15.281873+00', '1', '0', '1', NULL, NULL, '20', '18', '0', '0', '776'),
('345', '5182510058948755199', '3155335285111816280', '2026-11-23 00:54:15.281873+00', '1', '0', '1', NULL, NULL, '20', '18', '0', '0', '776'),
('375', '3839943452587310634', '4148833669399689223', '2026-11-23 00:54:15.281873+00', '1', '0', '1', NULL, NULL, '20', '18', '0', '0', '776'),
('424', '8145045517787190227', '5010977512159023683', '2026-11-23 00:54:15.281873+00', '1', '0', '1', NULL, NULL, '20', '18', '0', '0', '776'),
('460', '60893628871798304', '4263180660672619121', '2026-11-23 00:54:15.281873+00', '1', '0', '1', NULL, NULL, '20', '18', '0', '0', '776'),
('466', '5244491392166092670', '579856413591477540', '2026-11-23 00:54:15.281873+00', '1', '0', '1', NULL, NULL, '20', '18', '0', '0', '776'),
('469', '8491459466373845378', '6850326523012061161', '2026-11-23 00:54:15.281873+00', '1', '0', '1', NULL, NULL, '20', '18', '0', '0', '776'),
('485', '2245499770909220245', '3596178252257732190', '2026-11-23 00:54:15.281873+00', '1', '0', '1', NULL, NULL, '20', '18', '0', '0', '776'),
('502', '2664039409234216398', '1923346627603759249', '2026-11-23 00:54:15.281873+00', '1', '0', '1', NULL, NULL, '20', '18', '0', '0', '776'),
('505', '4186968687673043381', '4566431881493886670', '2026-11-23 00:54:15.281873+00', '1', '0', '1', NULL, NULL, '20', '18', '0', '0', '776'),
('508', '7717034189749992706', '1747563591791517043', '2026-11-23 00:54:15.281873+00', '1', '0', '1', NULL, NULL, '20', '18', '0', '0', '776'),
('513', '5539021136313063020', '5334894525293175221', '2026-11-23 00:54:15.281873+00', '1', '0', '1', NULL, NULL, '20', '18', '0', '0', '776'),
('519', '6681931645032628520', '8377919069408670860', '2026-11-23 00:54:15.281873+00', '1', '0', '1', NULL, NULL, '20', '18', '0', '0', '776'),
('534', '9146718229803239287', '8668324032147254868', '2026-11-23 00:54:15.281873+00', '1', '0', '1', NULL, NULL, '20', '18', '0', '0', '776'),
('571', '2951755969795720791', '4053860462092060817', '2026-11-23 00:54:15.281873+00', '1', '0', '1', NULL, NULL, '20', '18', '0', '0', '776'),
('6', '5051526694283638683', '4426089641511731394', '2026-11-23 00:54:15.281873+00', '1', '0', '1', NULL, NULL, '20', '18', '0', '0', '776'),
('628', '7496541370947907086', '4410311225318744259', '2026-11-23 00:54:15.281873+00', '1', '0', '1', NULL, NULL, '20', '18', '0', '0', '776'),
('669', '1972759859408834490', '3936148253031139760', '2026-11-23 00:54:15.281873+00', '1', '0', '1', NULL, NULL, '20', '18', '0', '0', '776'),
('734', '4437674274357279115', '1546787553545068471', '2026-11-23 00:54:15.281873+00', '1', '0', '1', NULL, NULL, '20', '18', '0', '0', '776'),
('740', '6974040234939088966', '683384916125283830', '2026-11-23 00:54:15.281873+00', '1', '0', '1', NULL, NULL, '20', '18', '0', '0', '776'),
('75', '4761290713268169387', '5098108556611254680', '2026-11-23 00:54:15.281873+00', '1', '0', '1', NULL, NULL, '20', '18', '0', '0', '776'),
('804', '690109777430818643', '7244656167122603811', '2026-11-23 00:54:15.281873+00', '1', '0', '1', NULL, NULL, '20', '18', '0', '0', '776'),
('834', '2413641448862177336', '9061031564791920448', '2026-11-23 00:54:15.281873+00', '1', '0', '1', NULL, NULL, '20', '18', '0', '0', '776'),
('845', '4230310713426560469', '4908147714923297090', '2026-11-23 00:54:15.281873+00', '1', '0', '1', NULL, NULL, '20', '18', '0', '0', '776'),
('889', '3324424569051673871', '2992785729691144367', '2026-11-23 00:54:15.281873+00', '1', '0', '1', NULL, NULL, '20', '18', '0', '0', '776'),
('891', '1215926598597868743', '656524586415393160', '2026-11-23 00:54:15.281873+00', '1', '0', '1', NULL, NULL, '20', '18', '0', '0', '776'),
('893', '7452995483044969769', '6426925753975105932', '2026-11-23 00:54:15.281873+00', '1', '0', '1', NULL, NULL, '20', '18', '0', '0', '776'),
('940', '2637214919954337094', '6584722438682027299', '2026-11-23 00:54:15.281873+00', '1', '0', '1', NULL, NULL, '20', '18', '0', '0', '776'),
('973', '6967708756220343289', '6534421098518521972', '2026-11-23 00:54:15.281873+00', '1', '0', '1', NULL, NULL, '20', '18', '0', '0', '776'),
('98', '2090356867978762527', '2964215868924084450', '2026-11-23 00:54:15.281873+00', '1', '0', '1', NULL, NULL, '20', '18', '0', '0', '776'),
('985', '684677233521698017', '3844619813072798494', '2026-11-23 00:54:15.281873+00', '1', '0', '1', NULL, NULL, '20', '18', '0', '0', '776'),
('992', '3545193159883986583', '7460267933352295169', '2026-11-23 00:54:15.281873+00', '1', '0', '1', NULL, NULL, '20', '18', '0', '0', '776'),
('995', '4189468765335825576', '4438299093901852940', '2026-11-23 00:54:15.281873+00', '1', '0', '1', NULL, NULL, '20', '18', '0', '0', '776');
insert into portfolio.account (dunlin_bucket, dunlin_case, dunlin_id, dunlin_parent, dunlin_key, dunlin_since, id, owed, urgency, client) overriding system value values
('163', '18427994167578413', '3821263503942829523', '18427994167578413', 'A25', '2026-01-01 00:00:00+00', 'A25', '125.00', '0', 'south'),
('175', '8428738343624859448', '7090482474643098535', '8428738343624859448', 'A14', '2026-01-01 00:00:00+00', 'A14', '114.00', '0', 'north'),
('187', '2208567285323542284', '7448198387610845567', '2208567285323542284', 'A15', '2026-01-01 00:00:00+00', 'A15', '115.00', '0', 'south'),
('261', '3276238275012790297', '1550219070686260659', '3276238275012790297', 'A31', '2026-01-01 00:00:00+00', 'A31', '131.00', '0', 'south'),
('312', '9103554746959733500', '1172826998454512337', '9103554746959733500', 'A1', '2026-01-01 00:00:00+00', 'A1', '101.00', '0', 'south'),
('321', '4265856979534569781', '4077394234413427959', '4265856979534569781', 'A10', '2026-01-01 00:00:00+00', 'A10', '110.00', '1500', 'north'),
('332', '5338885499840428711', '3041107672559977851', '5338885499840428711', 'A36', '2026-01-01 00:00:00+00', 'A36', '136.00', '0', 'north'),
('339', '1474288739473796619', '871492174479706904', '1474288739473796619', 'A32', '2026-01-01 00:00:00+00', 'A32', '132.00', '0', 'north'),
('345', '5182510058948755199', '3155335285111816280', '5182510058948755199', 'A11', '2026-01-01 00:00:00+00', 'A11', '111.00', '0', 'south'),
('375', '3839943452587310634', '4148833669399689223', '3839943452587310634', 'A29', '2026-01-01 00:00:00+00', 'A29', '129.00', '0', 'south'),
('424', '8145045517787190227', '5010977512159023683', '8145045517787190227', 'A0', '2026-01-01 00:00:00+00', 'A0', '100.00', '1500', 'north'),
('460', '60893628871798304', '4263180660672619121', '60893628871798304', 'A34', '2026-01-01 00:00:00+00', 'A34', '134.00', '0', 'north'),
('466', '5244491392166092670', '579856413591477540', '5244491392166092670', 'A19', '2026-01-01 00:00:00+00', 'A19', '119.00', '0', 'south'),
('469', '8491459466373845378', '6850326523012061161', '8491459466373845378', 'A8', '2026-01-01 00:00:00+00', 'A8', '108.00', '0', 'north'),
('485', '2245499770909220245', '3596178252257732190', '2245499770909220245', 'A38', '2026-01-01 00:00:00+00', 'A38', '138.00', '0', 'north'),
('502', '2664039409234216398', '1923346627603759249', '2664039409234216398', 'A39', '2026-01-01 00:00:00+00', 'A39', '139.00', '0', 'south'),
('505', '4186968687673043381', '4566431881493886670', '4186968687673043381', 'A6', '2026-01-01 00:00:00+00', 'A6', '106.00', '0', 'north'),
('508', '7717034189749992706', '1747563591791517043', '7717034189749992706', 'A5', '2026-01-01 00:00:00+00', 'A5', '105.00', '0', 'south'),
('513', '5539021136313063020', '5334894525293175221', '5539021136313063020', 'A20', '2026-01-01 00:00:00+00', 'A20', '120.00', '1500', 'north'),
('519', '6681931645032628520', '8377919069408670860', '6681931645032628520', 'A24', '2026-01-01 00:00:00+00', 'A24', '124.00', '0', 'north'),
('534', '9146718229803239287', '8668324032147254868', '9146718229803239287', 'A27', '2026-01-01 00:00:00+00', 'A27', '127.00', '0', 'south'),
('571', '2951755969795720791', '4053860462092060817', '2951755969795720791', 'A2', '2026-01-01 00:00:00+00', 'A2', '102.00', '0', 'north'),
('6', '5051526694283638683', '4426089641511731394', '5051526694283638683', 'A22', '2026-01-01 00:00:00+00', 'A22', '122.00', '0', 'north'),
('628', '7496541370947907086', '4410311225318744259', '7496541370947907086', 'A26', '2026-01-01 00:00:00+00', 'A26', '126.00', '0', 'north'),
('669', '1972759859408834490', '3936148253031139760', '1972759859408834490', 'A12', '2026-01-01 00:00:00+00', 'A12', '112.00', '0', 'north'),
('734', '4437674274357279115', '1546787553545068471', '4437674274357279115', 'A35', '2026-01-01 00:00:00+00', 'A35', '135.00', '0', 'south'),
('740', '6974040234939088966', '683384916125283830', '6974040234939088966', 'A23', '2026-01-01 00:00:00+00', 'A23', '123.00', '0', 'south'),
('75', '4761290713268169387', '5098108556611254680', '4761290713268169387', 'A13', '2026-01-01 00:00:00+00', 'A13', '113.00', '0', 'south'),
('804', '690109777430818643', '7244656167122603811', '690109777430818643', 'A30', '2026-01-01 00:00:00+00', 'A30', '130.00', '1500', 'north'),
('834', '2413641448862177336', '9061031564791920448', '2413641448862177336', 'A9', '2026-01-01 00:00:00+00', 'A9', '109.00', '0', 'south'),
('845', '4230310713426560469', '4908147714923297090', '4230310713426560469', 'A21', '2026-01-01 00:00:00+00', 'A21', '121.00', '0', 'south'),
('889', '3324424569051673871', '2992785729691144367', '3324424569051673871', 'A33', '2026-01-01 00:00:00+00', 'A33', '133.00', '0', 'south'),
('891', '1215926598597868743', '656524586415393160', '1215926598597868743', 'A37', '2026-01-01 00:00:00+00', 'A37', '137.00', '0', 'south'),
('893', '7452995483044969769', '6426925753975105932', '7452995483044969769', 'A7', '2026-01-01 00:00:00+00', 'A7', '107.00', '0', 'south'),
('940', '2637214919954337094', '6584722438682027299', '2637214919954337094', 'A28', '2026-01-01 00:00:00+00', 'A28', '128.00', '0', 'north'),
('973', '6967708756220343289', '6534421098518521972', '6967708756220343289', 'A4', '2026-01-01 00:00:00+00', 'A4', '104.00', '0', 'north'),
('98', '2090356867978762527', '2964215868924084450', '2090356867978762527', 'A17', '2026-01-01 00:00:00+00', 'A17', '117.00', '0', 'south'),
('985', '684677233521698017', '3844619813072798494', '684677233521698017', 'A16', '2026-01-01 00:00:00+00', 'A16', '116.00', '0', 'north'),
('992', '3545193159883986583', '7460267933352295169', '3545193159883986583', 'A18', '2026-01-01 00:00:00+00', 'A18', '118.00', '0', 'north'),
('995', '4189468765335825576', '4438299093901852940', '4189468765335825576', 'A3', '2026-01-01 00:00:00+00', 'A3', '103.00', '0', 'south');
insert into portfolio.debtor (dunlin_bucket, dunlin_case, dunlin_id, dunlin_parent, dunlin_key, dunlin_since, id) overriding system value values
('163', '18427994167578413', '18427994167578413', '0', 'D25', '2026-01-01 00:00:00+00', 'D25'),
('175', '8428738343624859448', '8428738343624859448', '0', 'D14', '2026-01-01 00:00:00+00', 'D14'),
('187', '2208567285323542284', '2208567285323542284', '0', 'D15', '2026-01-01 00:00:00+00', 'D15'),
('261', '3276238275012790297', '3276238275012790297', '0', 'D31', '2026-01-01 00:00:00+00', 'D31'),
('312', '9103554746959733500', '9103554746959733500', '0', 'D1', '2026-01-01 00:00:00+00', 'D1'),
('321', '4265856979534569781', '4265856979534569781', '0', 'D10', '2026-01-01 00:00:00+00', 'D10'),
('332', '5338885499840428711', '5338885499840428711', '0', 'D36', '2026-01-01 00:00:00+00', 'D36'),
('339', '1474288739473796619', '1474288739473796619', '0', 'D32', '2026-01-01 00:00:00+00', 'D32'),
('345', '5182510058948755199', '5182510058948755199', '0', 'D11', '2026-01-01 00:00:00+00', 'D11'),
('375', '3839943452587310634', '3839943452587310634', '0', 'D29', '2026-01-01 00:00:00+00', 'D29'),
('424', '8145045517787190227', '8145045517787190227', '0', 'D0', '2026-01-01 00:00:00+00', 'D0'),
('460', '60893628871798304', '60893628871798304', '0', 'D34', '2026-01-01 00:00:00+00', 'D34'),
('466', '5244491392166092670', '5244491392166092670', '0', 'D19', '2026-01-01 00:00:00+00', 'D19'),
('469', '8491459466373845378', '8491459466373845378', '0', 'D8', '2026-01-01 00:00:00+00', 'D8'),
('485', '2245499770909220245', '2245499770909220245', '0', 'D38', '2026-01-01 00:00:00+00', 'D38'),
('502', '2664039409234216398', '2664039409234216398', '0', 'D39', '2026-01-01 00:00:00+00', 'D39'),
('505', '4186968687673043381', '4186968687673043381', '0', 'D6', '2026-01-01 00:00:00+00', 'D6'),
('508', '7717034189749992706', '7717034189749992706', '0', 'D5', '2026-01-01 00:00:00+00', 'D5'),
('513', '5539021136313063020', '5539021136313063020', '0', 'D20', '2026-01-01 00:00:00+00', 'D20'),
('519', '6681931645032628520', '6681931645032628520', '0', 'D24', '2026-01-01 00:00:00+00', 'D24'),
('534', '9146718229803239287', '9146718229803239287', '0', 'D27', '2026-01-01 00:00:00+00', 'D27'),
('571', '2951755969795720791', '2951755969795720791', '0', 'D2', '2026-01-01 00:00:00+00', 'D2'),
('6', '5051526694283638683', '5051526694283638683', '0', 'D22', '2026-01-01 00:00:00+00', 'D22'),
('628', '7496541370947907086', '7496541370947907086', '0', 'D26', '2026-01-01 00:00:00+00', 'D26'),
('669', '1972759859408834490', '1972759859408834490', '0', 'D12', '2026-01-01 00:00:00+00', 'D12'),
('734', '4437674274357279115', '4437674274357279115', '0', 'D35', '2026-01-01 00:00:00+00', 'D35'),
('740', '6974040234939088966', '6974040234939088966', '0', 'D23', '2026-01-01 00:00:00+00', 'D23'),
('75', '4761290713268169387', '4761290713268169387', '0', 'D13', '2026-01-01 00:00:00+00', 'D13'),
('804', '690109777430818643', '690109777430818643', '0', 'D30', '2026-01-01 00:00:00+00', 'D30'),
('834', '2413641448862177336', '2413641448862177336', '0', 'D9', '2026-01-01 00:00:00+00', 'D9'),
('845', '4230310713426560469', '4230310713426560469', '0', 'D21', '2026-01-01 00:00:00+00', 'D21'),
('889', '3324424569051673871', '3324424569051673871', '0', 'D33', '2026-01-01 00:00:00+00', 'D33'),
('891', '1215926598597868743', '1215926598597868743', '0', 'D37', '2026-01-01 00:00:00+00', 'D37'),
('893', '7452995483044969769', '7452995483044969769', '0', 'D7', '2026-01-01 00:00:00+00', 'D7'),
('940', '2637214919954337094', '2637214919954337094', '0', 'D28', '2026-01-01 00:00:00+00', 'D28'),
('973', '6967708756220343289', '6967708756220343289', '0', 'D4', '2026-01-01 00:00:00+00', 'D4'),
('98', '2090356867978762527', '2090356867978762527', '0', 'D17', '2026-01-01 00:00:00+00', 'D17'),
('985', '684677233521698017', '684677233521698017', '0', 'D16', '2026-01-01 00:00:00+00', 'D16'),
('992', '3545193159883986583', '3545193159883986583', '0', 'D18', '2026-01-01 00:00:00+00', 'D18'),
('995', '4189468765335825576', '4189468765335825576', '0', 'D3', '2026-01-01 00:00:00+00', 'D3');
create or replace view dunlin.instance_key as SELECT 'debtor'::text AS entity,
    debtor.dunlin_bucket AS bucket,
    debtor.dunlin_case AS case_id,
    debtor.dunlin_id AS id,
    debtor.dunlin_key AS key,
    debtor.dunlin_parent AS parent
   FROM portfolio.debtor
UNION ALL
 SELECT 'account'::text AS entity,
    account.dunlin_bucket AS bucket,
    account.dunlin_case AS case_id,
    account.dunlin_id AS id,
    account.dunlin_key AS key,
    account.dunlin_parent AS parent
   FROM portfolio.account;
select setval('dunlin.name_id_seq', (select max(id) from dunlin.name)), setval('dunlin.arrival', 10000), setval('dunlin.turn', 10000);
update dunlin.bucket set generation = 1, as_of = '2026-11-23 00:55+00';
