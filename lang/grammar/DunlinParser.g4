// The Dunlin language: what is written in a .dun file. Meaning is the business of lang/sema.
//
// Reading rules that hold everywhere
//   - SEP is a line end that ends an item (see the head of DunlinLexer.g4). A comma does the same inside blocks. Items that
//     cannot be misread may also stand side by side without either.
//   - Every rule named in `recoverable` of lang/syntax/error_strategy.cpp is an item: a mistake inside drops that item and
//     nothing else. Blocks are written `LBRACE (item | SEP | COMMA)* RBRACE`, so that the next item is always found.
//
// Spellings settled here
//   - tests:  given account { … }                    the only or main instance
//             given account second { … }             a further one with a name; a text "x" is as good
//             given party "x" of second { … }        hangs on the named instance; without `of` on the main one
//             at 2026-01-05 09:30 : …                a date alone means the start of that day
//             on 2026-01-09 payment of second { amount: 100 } : …     the event reaches the named instance
//             set account.balance = 0                the data changes at that step
//             expect stage calling [of second], task sms "x" [to "a"] { … }, no task [call ["x"] [to "a"] { … }], not enrolled, dpd = 4
//             further lines that begin with `expect` or `set` belong to the step above
//             for any account where overdue > 0      a property: many instances; with `: expect …` behind it there is a step on any day
//   - treatments are texts, `sms "reminder"`, or chosen, `sms by letter_for(risk)`
//   - order between strategies: `strategy soft "…" for account before hard { … }` or a line `before hard` inside
//   - `on change pin` in a strategy or stage says what a new version does with the cases that stand there
//   - working days in clocks are named by the group of days: `between 08:00 and 22:00 on working days, 09:00 and 20:00 on others`
//   - the remainder of a division is `a mod b`; `12%` is a number
parser grammar DunlinParser;
options { tokenVocab = DunlinLexer; }

@parser::members {
/// How deep the rules that can nest without limit stand; ErrorStrategy::sync refuses what is too deep.
int depth = 0;
struct DepthGuard {
  explicit DepthGuard(int& counter) : counter_(counter) { ++counter_; }
  ~DepthGuard() { --counter_; }
  int& counter_;
};
}

file : (declaration | SEP)* EOF ;
expressionOnly : SEP* expr SEP* EOF ;

declaration
  : bundleDecl | useDecl | moduleDecl | parameterDecl | enumDecl | recordDecl | entityDecl | extendDecl | eventDecl
  | segmentationDecl | tableDecl | functionDecl | outcomesDecl | queueDecl | strategyDecl | alwaysDecl | testDecl
  | limitsDecl | holdDecl | deadlineDecl | approvalDecl | quotaDecl | allocationDecl | feedDecl | campaignDecl | experimentDecl | holdoutDecl
  | migrateDecl | scheduleDecl | territoryDecl | templateDecl
  ;

// ---- bundle ----
bundleDecl : BUNDLE ident TEXT? bundleBlock ;
bundleBlock : LBRACE (bundleItem | SEP | COMMA)* RBRACE ;
bundleItem
  : TIMEZONE zone
  | CURRENCY ident
  | CALENDAR ident
  | DAY STARTS TIME
  ;
zone : TEXT | ident ((SLASH | MINUS | PLUS) (ident | INT))* ;
useDecl : USE path ;
moduleDecl : MODULE path ;
parameterDecl : PARAMETER ident COLON typeExpr (EQ expr)? ;

// ---- types and the case file ----
enumDecl : ENUM ident enumBlock ;
enumBlock : LBRACE (ident | SEP | COMMA)* RBRACE ;
recordDecl : RECORD ident fieldBlock ;
/// `from table "crm.accounts" change by updated_at`: only rows whose updated_at has grown are read again.
entityDecl : ENTITY ident (OF ident)? (FROM TABLE? TEXT (CHANGE BY changeColumn)?)? fieldBlock ;
changeColumn : ident ;
extendDecl : EXTEND ident fieldBlock ;
eventDecl : EVENT path (OF ident)? (CANCELS path)? fieldBlock? ;

fieldBlock : LBRACE (field | SEP | COMMA)* RBRACE ;
field
  : KEY? ident COLON typeExpr PERSONAL? (EQ body)?
  | ident EQ body
  ;
typeExpr
@init { DepthGuard guard(depth); }
  : typeCore QUESTION? (IN sum)? ;
typeCore
  : ENUM enumBlock
  | RECORD fieldBlock
  | LIST OF typeExpr
  | path
  | STAGE
  ;

/// `let` lines, then a value; braces are optional.
body : LBRACE SEP* letBody SEP* RBRACE | letBody ;
letBody : letLine* expr ;
letLine : LET ident EQ expr (SEP | COMMA)+ ;

// ---- judging ----
segmentationDecl : SEGMENTATION ident FOR ident segmentationBlock ;
segmentationBlock : LBRACE (segmentationCase | SEP | COMMA)* RBRACE ;
segmentationCase : OTHERWISE ident | ident WHEN expr ;

tableDecl : TABLE ident LPAREN columns RPAREN ARROW LPAREN columns RPAREN hitPolicy? inForce? fromFile? tableBlock? ;
columns : (column (COMMA column)*)? ;
column : word COLON typeExpr ;
hitPolicy : ANY | ident ;
inForce : IN FORCE FROM sum (TO sum)? ;
fromFile : FROM TEXT ;
tableBlock : LBRACE (row | SEP)* RBRACE ;
row : BAR (OTHERWISE | cell (BAR cell)*) DBAR outCell (BAR outCell)* BAR? ;
cell : NOT? cellItem (COMMA cellItem)* ;
cellItem : ANY | KNOWN | comparator sum | expr ;
outCell : expr (COMMA expr)* ;

functionDecl : NATIVE? FUNCTION ident LPAREN columns RPAREN ARROW typeExpr functionBody? ;
functionBody : EQ body | LBRACE SEP* letBody SEP* RBRACE ;

// ---- outcomes and queues ----
outcomesDecl : OUTCOMES ident (OF ident)? outcomeBlock ;
outcomeBlock : LBRACE (outcome | SEP | COMMA)* RBRACE ;
outcome : ident (AS path)? (LPAREN outcomeFields RPAREN)? (WHEN expr)? outcomeBlock? ;
outcomeFields : (outcomeField (COMMA outcomeField)*)? ;
outcomeField : ident COLON typeExpr PERSONAL? ;

queueDecl : QUEUE ident queueBlock ;
queueBlock : LBRACE (queueItem | SEP | COMMA)* RBRACE ;
queueItem
  : OUTCOMES path
  | COUNTS AS path
  | COST sum
  | LEASE sum
  | DUE sum
  | FIELDS fieldBlock
  | MERGE PER ident mergeBlock?
  | ASSIGN assignWay (COMMA assignWay)*
  | NEEDS need (COMMA need)*
  | LATE COLON? NOTIFY sum text?
  | NUMBERS fileName
  | BATCH ident AT TIME (AS ident text)?
  | STATUS BY ident
  | plainName settingWord*
  ;
settingWord : settingBlock | ~(SEP | COMMA | LBRACE | RBRACE) ;
settingBlock : LBRACE (settingWord | SEP | COMMA)* RBRACE ;
mergeBlock : LBRACE (mergeItem | SEP | COMMA)* RBRACE ;
mergeItem
  : LEAD BY orderKey (COMMA orderKey)*
  | COUNTS ONCE
  | path ident ident
  ;
assignWay : STICKY ON path | BY ident | ident ident PER ident ;
need : ident text (WITHIN sum)? ;
fileName : TEXT ;
plainName : ID | QUOTED_ID ;

// ---- strategies ----
strategyDecl : STRATEGY ident TEXT? FOR ident (BEFORE path (COMMA path)*)? strategyBlock ;
strategyBlock : LBRACE (strategyItem | SEP | COMMA)* RBRACE ;
strategyItem
  : ENROL WHEN expr
  | ENROL AGAIN WHEN expr
  | BEFORE path (COMMA path)*
  | VAR ident (COLON typeExpr)? (EQ expr)?
  | onChange
  | deadlineDecl
  | stageDecl
  | ruleItem
  ;
stageDecl : FINAL? STAGE ident TEXT? stageBlock? ;
stageBlock : LBRACE (stageItem | SEP | COMMA)* RBRACE ;
stageItem : ENROL AGAIN WHEN expr | onChange | deadlineDecl | ruleItem ;
/// What becomes of the cases that stand here when a new version is activated.
onChange : ON CHANGE (MIGRATE | RESTART | ident) ;
alwaysDecl : ALWAYS (FOR ident)? alwaysBlock ;
alwaysBlock : LBRACE (alwaysItem | SEP | COMMA)* RBRACE ;
alwaysItem : ruleItem ;

ruleItem : (RULE TEXT SEP*)? (onRule | whenRule | afterRule | atRule | everyRule | keepRule) ;
onRule : ON (ENTRY | path (COMMA path)*) guard? COLON actions ;
whenRule : WHEN expr COLON actions ;
afterRule : AFTER sum (IN ident)? guard? COLON actions ;
atRule : AT sum (ELSE SKIP_WORD | ELSE AT ONCE)? guard? COLON actions ;
everyRule : EVERY sum (IN ident)? (AT MOST sum TIMES)? (IN ident)? guard? COLON actions ;
guard : (WHERE | WHEN) expr ;

actions : action (COMMA action)* ;
action
  : goAction
  | RESTART STAGE
  | SET path EQ expr
  | RAISE path payload?
  | OPEN path payload?
  | CANCEL path treatment?
  | NOTE text
  | NOTIFY path text
  | departmentAction
  | path treatment? (TO sum)? payload? STAYS?
  ;
goAction : GO BACK | GO BY sum | GO path ;
treatment : text | BY sum ;
text : TEXT ;
payload : LBRACE (payloadField | SEP | COMMA)* RBRACE ;
payloadField : ident COLON expr ;
departmentAction
  : HOLD ident (FOR sum)?
  | LIFT ident
  | ASK path payload?
  | REQUEST path
  | PLACE WITH path (FOR sum)?
  | EXTEND PLACEMENT (FOR | BY)? sum
  | RECALL (REASON? text)?
  ;

keepRule : KEEP path treatment? (TO sum)? (FOR ident IN sum (WHERE expr)?)? (WHILE expr)? keepBlock? ;
keepBlock : LBRACE (keepItem | SEP | COMMA)* RBRACE ;
keepItem
  : TO sum
  | AGAIN BY? sum
  | ATTEMPTS AT MOST attemptLimit (COMMA attemptLimit)*
  | WINDOW BY? sum
  | PRIORITY (priorityBlock | sum)
  | DUE sum
  | FIELDS payload
  ;
attemptLimit : attemptCount (PER ident | IN STAGE)? ;
attemptCount : INT | path | LPAREN expr RPAREN ;
priorityBlock : LBRACE (priorityTerm | SEP | COMMA)* RBRACE ;
priorityTerm : (ident COLON)? expr ;

// ---- tests ----
testDecl : TEST TEXT testBlock ;
testBlock : LBRACE (testItem | SEP | COMMA)* RBRACE ;
testItem : testGiven | testStep | testContinued ;
testGiven
  : GIVEN ident (ident | TEXT)? (OF (ident | TEXT))? payload?
  | FOR ANY ident (ident | TEXT)? (OF (ident | TEXT))? payload? (WHERE expr)? (COLON stepPart (COMMA stepPart)*)?
  ;
testStep
  : AT moment (COLON stepPart (COMMA stepPart)*)?
  | ON moment path (OF (ident | TEXT))? payload? (COLON stepPart (COMMA stepPart)*)?
  ;
testContinued : (testSet | EXPECT expectation) (COMMA stepPart)* ;
moment : DATE TIME? ;
stepPart : testSet | EXPECT? expectation ;
testSet : SET path EQ expr ;
expectation
  : STAGE path (OF (ident | TEXT))?
  | NOT ENROLLED (OF (ident | TEXT))?
  | NO TASK (path TEXT? (TO sum)? payload?)? (OF (ident | TEXT))?
  | WITHHELD path TEXT? (TO sum)? payload? (OF (ident | TEXT))?
  | TASK path TEXT? (TO sum)? payload? (OF (ident | TEXT))?
  | expr
  ;

// ---- limits: what must never happen ----
limitsDecl : LIMITS (TEXT | ident) inForce? limitsBlock ;
limitsBlock : LBRACE (limitItem | SEP | COMMA)* RBRACE ;
limitItem
  : APPLIES WHEN expr
  | SLOTS TO ident PRIORITY
  | RESERVE INT path PER period FOR text
  | NEVER contacts (EXCEPT contactKind (COMMA contactKind)*)? (TO ident)? (WHEN expr | FROM sum UNTIL limitEnd (OR limitEnd)*)?
  | contacts AT MOST limitCap (COMMA limitCap)* limitKey? (COUNTING counted)?
  | contacts NONE FOR sum AFTER path (OR path)* limitKey?
  | contacts BETWEEN hours (COMMA hours)* (IN sum)?
  ;
contacts : ANY ident | path (COMMA path)* ;
contactKind : path text? ;
limitEnd : sum ;
limitCap : attemptCount (PER period | IN ANY sum) ;
limitKey : PER ident (AND ident)* ;
counted : ANY ident | path (AND path)* ;
hours : TIME AND TIME (ON dayGroup)? ;
/// `working days`, `others`, `saturday`
dayGroup : ident DAYS? ;
period : CALENDAR? (DAY | WEEK | MONTH | QUARTER | YEAR) ;

// ---- people and scarce things ----
holdDecl : HOLD ident TEXT? (FOR ident)? holdBlock ;
holdBlock : LBRACE (holdItem | SEP | COMMA)* RBRACE ;
holdItem
  : STOPS EVERYTHING (EXCEPT contactKind (COMMA contactKind)*)?
  | STOPS contactKind (COMMA contactKind)*
  | TIMERS ident
  | LASTS sum
  | THEN REVIEW BY ident
  | UNTIL ident
  ;

deadlineDecl : DEADLINE ident (FOR ident)? sum FROM sum deadlineBlock? ;
deadlineBlock : LBRACE (deadlineItem | SEP | COMMA)* RBRACE ;
deadlineItem
  : WARN sum BEFORE (COLON actions)?
  | SUSPENDED WHILE expr
  | CALENDAR BY? sum
  | MISSED COLON actions
  ;

approvalDecl : APPROVAL ident (FOR ident)? LPAREN columns RPAREN approvalBlock ;
approvalBlock : LBRACE (approvalItem | SEP | COMMA)* RBRACE ;
approvalItem
  : BY sum
  | NEVER ident
  | DUE sum
  | LAPSES AFTER sum
  ;

quotaDecl : QUOTA ident (FOR ident)? attemptCount PER period (BY orderKey (COMMA orderKey)*)? ;

allocationDecl : ALLOCATION ident (FOR ident)? allocationBlock ;
allocationBlock : LBRACE (allocationItem | SEP | COMMA)* RBRACE ;
allocationItem
  : SHARES (fileName | shareBlock)
  | CAP sum PER ident
  | NEVER ident ident ident PER ident
  | SPLIT BY ident
  | BY sum
  ;
shareBlock : LBRACE (share | SEP | COMMA)* RBRACE ;
share : (ident | TEXT) PERCENT (EQ expr)? ;

feedDecl : FEED ident TEXT? feedBlock ;
feedBlock : LBRACE (feedItem | SEP | COMMA)* RBRACE ;
feedItem
  : DUE TIME
  | LATE COLON actions
  | REFUSE ident WHEN refusal (OR refusal)*
  ;
refusal : ident DIFFERS | comparison ;

campaignDecl : CAMPAIGN TEXT campaignBlock ;
campaignBlock : LBRACE (campaignItem | SEP | COMMA)* RBRACE ;
campaignItem
  : AMONG LIST fileName
  | among
  | runTime
  | PRIORITY PLUS? sum
  | AT MOST attemptCount PER period
  | path treatment
  ;
among : AMONG ident (WHERE expr)? ;
runTime : RUN sum TO sum (BETWEEN hours (COMMA hours)*)? ;

experimentDecl : EXPERIMENT ident TEXT? experimentBlock ;
experimentBlock : LBRACE (experimentItem | SEP | COMMA)* RBRACE ;
experimentItem
  : CHAMPION path PERCENT
  | CHALLENGER path PERCENT
  | ARMS (OF path)? shareBlock
  | among
  | SPLIT BY ident
  | LAYER ident
  | SUCCESS expr
  | COST COST? OF ident
  | COST expr
  | GUARDRAIL expr
  | runTime
  ;
holdoutDecl : HOLDOUT ident? PERCENT (SPLIT? BY ident)? experimentBlock? ;

migrateDecl : MIGRATE path ARROW path (EQ expr)? ;

scheduleDecl : SCHEDULE ident TEXT? scheduleBlock ;
scheduleBlock : LBRACE (scheduleItem | SEP | COMMA)* RBRACE ;
scheduleItem
  : CLOSED ON dayGroup
  | CALENDAR ident
  | TIMEZONE zone
  | BETWEEN hours (COMMA hours)*
  ;
territoryDecl : TERRITORY ident TEXT? territoryBlock ;
territoryBlock : LBRACE (territoryItem | SEP | COMMA)* RBRACE ;
territoryItem
  : REGIONS TEXT (COMMA TEXT)*
  | REGIONS FROM fileName
  | CAPACITY attemptCount path PER period
  | SCHEDULE ident
  ;
templateDecl : TEMPLATE TEXT FOR ident (TO ident)? (IN path (COMMA path)*)? FROM fileName templateBlock? ;
templateBlock : LBRACE (templateItem | SEP | COMMA)* RBRACE ;
templateItem : SUBJECT text | plainName TEXT ;

// ---- expressions; strongest first in `sum`, weakest last in `expr` ----
expr
@init { DepthGuard guard(depth); }
  : comparison                                  # comparisonExpr
  | NOT expr                                    # notExpr
  | expr AND expr                               # andExpr
  | expr OR expr                                # orExpr
  | IF expr THEN expr ELSE expr                 # ifExpr
  ;
comparison
  : sum ( comparator sum | NOT? IN inSet | KNOWN | MISSING )?
  ;
comparator : EQ | NE | LT | LE | GT | GE ;
inSet : LBRACE (sum | SEP | COMMA)* RBRACE | sum ;
sum
@init { DepthGuard guard(depth); }
  : primary                                     # primarySum
  | sum DOT ident                               # memberSum
  | sum LPAREN arguments? RPAREN                # callSum
  | sum DEFAULT sum                             # defaultSum
  | MINUS sum                                   # negateSum
  | sum (STAR | SLASH | MOD) sum                # productSum
  | sum (PLUS | MINUS) sum                      # plusSum
  | sum (RANGE | RANGE_BELOW) sum               # rangeSum
  ;
primary
  : INT unit?
  | DECIMAL
  | PERCENT
  | TEXT
  | DATE TIME?
  | TIME (RANGE | RANGE_BELOW) TIME
  | TIME
  | TRUE
  | FALSE
  | MISSING
  | MATCH sum LBRACE SEP* (matchArm SEP*)* RBRACE
  | LPAREN expr RPAREN
  | LBRACKET (expr (COMMA expr)*)? COMMA? RBRACKET
  | SPENT spentWindow
  | ident
  | ENTRY
  ;
unit
  : BUSINESS (DAY | DAYS)
  | SECOND | SECONDS | MINUTE | MINUTES | HOUR | HOURS | DAY | DAYS | WEEK | WEEKS | MONTH | MONTHS | QUARTER | QUARTERS | YEAR | YEARS
  ;
matchArm : BAR (OTHERWISE | cell) ARROW expr ;
spentWindow : SINCE sum | WITHIN sum ;
arguments
  : DAYS OF path aggregateClause*
  | argument (COMMA argument)* COMMA?
  ;
argument : (word COLON)? expr (FOR ident IN sum)? aggregateClause* ;
aggregateClause
  : WITHIN sum (OF ident)?
  | SINCE sum
  | THIS ident
  | PER ident
  | WHERE expr
  | BY orderKey (COMMA orderKey)*
  ;
orderKey : sum (DESC | ASC)? ;

// ---- names ----
path : ident (DOT ident)* ;
ident : ID | QUOTED_ID | softWord ;
/// A name that is only ever read with a colon behind it may be any word: `native function duty(claim : money, on : date)`.
word : ident | reservedWord ;
softWord
  : AGAIN | ALLOCATION | ALWAYS | AMONG | APPLIES | APPROVAL | ARMS | ASC | ASK | ASSIGN | AT | ATTEMPTS | BACK | BATCH
  | BEFORE | BUNDLE | BUSINESS | BY | CALENDAR | CAMPAIGN | CANCEL | CANCELS | CAP | CAPACITY | CHALLENGER | CHAMPION
  | CHANGE | CLOSED | COST | COUNTING | COUNTS | CURRENCY | DAY | DAYS | DEADLINE | DESC | DIFFERS | DUE | ENROLLED | ENTITY
  | ENUM | EVENT | EVERYTHING | EXCEPT | EXPECT | EXPERIMENT | EXTEND | FEED | FIELDS | FOR | FORCE | FROM | FUNCTION
  | GIVEN | GUARDRAIL | HOLD | HOLDOUT | HOUR | HOURS | KEY | LAPSES | LASTS | LATE | LAYER | LEAD | LEASE | LET | LIFT | LIMITS
  | LIST | MERGE | MIGRATE | MINUTE | MINUTES | MISSED | MOD | MODULE | MONTH | MONTHS | MOST | NATIVE | NEEDS | NEVER | NO
  | NONE | NOTE | NOTIFY | NUMBERS | OF | ONCE | OPEN | OUTCOMES | PARAMETER | PER | PERSONAL | PLACE | PLACEMENT | PRIORITY
  | QUARTER | QUARTERS | QUEUE | QUOTA | REASON | RECORD | REFUSE | REGIONS | REQUEST | RESERVE | RESTART | REVIEW | RUN
  | SCHEDULE | SECOND | SECONDS | SEGMENTATION | SHARES | SKIP_WORD | SLOTS | SPENT | SPLIT | STARTS | STATUS | STAYS
  | STICKY | STOPS | STRATEGY | SUBJECT | SUCCESS | SUSPENDED | TABLE | TASK | TEMPLATE | TERRITORY | TEST | THIS | TIMERS
  | TIMES | TIMEZONE | TO | UNTIL | USE | WARN | WEEK | WEEKS | WINDOW | WITH | WITHHELD | YEAR | YEARS
  ;
reservedWord
  : ON | WHEN | AFTER | EVERY | RULE | KEEP | STAGE | FINAL | GO | SET | RAISE | RECALL | VAR | ENROL | WHILE | WHERE | WITHIN | SINCE
  | OTHERWISE | DEFAULT | KNOWN | MISSING | ANY | ENTRY | AS | IN | AND | OR | NOT | IF | THEN | ELSE | MATCH | BETWEEN
  ;
