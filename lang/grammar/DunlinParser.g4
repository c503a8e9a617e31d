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
//             expect stage calling [of second], task sms "x" [to "a"] { … }, no task [call ["x"]], not enrolled, dpd = 4
//             further lines that begin with `expect` or `set` belong to the step above
//   - treatments are texts, `sms "reminder"`, or chosen, `sms by letter_for(risk)`
//   - order between strategies: `strategy soft "…" for account before hard { … }` or a line `before hard` inside
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
  | segmentationDecl | tableDecl | functionDecl | outcomesDecl | queueDecl | strategyDecl | alwaysDecl | testDecl | laterDecl
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
entityDecl : ENTITY ident (OF ident)? (FROM TABLE? TEXT)? fieldBlock ;
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
  | NEEDS settingWord+ (COMMA settingWord+)*
  | plainName settingWord*
  ;
settingWord : later | ON | KEEP | RULE | STAGE | EVERY ;
plainName : ID | QUOTED_ID ;

// ---- strategies ----
strategyDecl : STRATEGY ident TEXT? FOR ident (BEFORE path (COMMA path)*)? strategyBlock ;
strategyBlock : LBRACE (strategyItem | SEP | COMMA)* RBRACE ;
strategyItem
  : ENROL WHEN expr
  | ENROL AGAIN WHEN expr
  | BEFORE path (COMMA path)*
  | VAR ident (COLON typeExpr)? (EQ expr)?
  | stageDecl
  | ruleItem
  ;
stageDecl : FINAL? STAGE ident TEXT? stageBlock? ;
stageBlock : LBRACE (stageItem | SEP | COMMA)* RBRACE ;
stageItem : ENROL AGAIN WHEN expr | ruleItem ;
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
  | laterAction
  | path treatment? (TO sum)? payload? STAYS?
  ;
goAction : GO BACK | GO BY sum | GO path ;
treatment : text | BY sum ;
text : TEXT ;
payload : LBRACE (payloadField | SEP | COMMA)* RBRACE ;
payloadField : ident COLON expr ;
laterAction : (HOLD | LIFT | ASK | REQUEST | PLACE | EXTEND | RECALL) later* ;

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
testGiven : GIVEN ident (ident | TEXT)? (OF (ident | TEXT))? payload? ;
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
  | NO TASK (path TEXT?)? (OF (ident | TEXT))?
  | TASK path TEXT? (TO sum)? payload? (OF (ident | TEXT))?
  | expr
  ;

// ---- parts of the language that are not built yet: only their end is found ----
laterDecl
  : (LIMITS | HOLD | HOLDOUT | DEADLINE | APPROVAL | QUOTA | ALLOCATION | FEED | CAMPAIGN | EXPERIMENT | MIGRATE) (later | COMMA)*
  ;
later : laterBlock | ~(SEP | COMMA | LBRACE | RBRACE | ON | KEEP | RULE | STAGE | EVERY) ;
laterBlock : LBRACE (later | SEP | COMMA | ON | KEEP | RULE | STAGE | EVERY)* RBRACE ;

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
  : WITHIN sum
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
  : AGAIN | ALLOCATION | ALWAYS | APPROVAL | ASC | ASK | AT | ATTEMPTS | BACK | BEFORE | BUNDLE | BUSINESS | BY | CALENDAR | CAMPAIGN
  | CANCEL | CANCELS | COST | COUNTS | CURRENCY | DAY | DAYS | DEADLINE | DESC | DUE | ENROLLED | ENTITY | ENUM | EVENT | EXPECT | EXPERIMENT
  | EXTEND | FEED | FIELDS | FOR | FORCE | FROM | FUNCTION | GIVEN | HOLD | HOLDOUT | HOUR | HOURS | KEY | LEASE | LET | LIFT | LIMITS | LIST
  | MIGRATE | MINUTE | MINUTES | MOD | MODULE | MONTH | MONTHS | MOST | NATIVE | NEEDS | NO | NOTE | NOTIFY | OF | ONCE | OPEN | OUTCOMES
  | PARAMETER | PER | PERSONAL | PLACE | PRIORITY | QUARTER | QUARTERS | QUEUE | QUOTA | RECORD | REQUEST | RESTART | SECOND | SECONDS
  | SEGMENTATION | SKIP_WORD | SPENT | STARTS | STAYS | STRATEGY | TABLE | TASK | TEST | THIS | TIMES | TIMEZONE | TO | USE | WEEK | WEEKS
  | WINDOW | YEAR | YEARS
  ;
reservedWord
  : ON | WHEN | AFTER | EVERY | RULE | KEEP | STAGE | FINAL | GO | SET | RAISE | RECALL | VAR | ENROL | WHILE | WHERE | WITHIN | SINCE
  | OTHERWISE | DEFAULT | KNOWN | MISSING | ANY | ENTRY | AS | IN | AND | OR | NOT | IF | THEN | ELSE | MATCH | BETWEEN
  ;
