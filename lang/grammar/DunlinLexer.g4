// Words of the Dunlin language. What the lexer cannot say is done on the token list by lang/syntax/tokens.cpp:
//   - a NEWLINE counts only where an item can end: not inside ( ) or [ ], not after an operator, not before one;
//   - `///` comments are taken out of the list and kept beside the token they stand before;
//   - brackets that do not match are reported and mended.
// Tokens named BAD_… are mistakes with a message of their own; no rule of the parser accepts them.
lexer grammar DunlinLexer;

// ---- reserved words ----
ON : 'on' ;
WHEN : 'when' ;
AFTER : 'after' ;
EVERY : 'every' ;
RULE : 'rule' ;
KEEP : 'keep' ;
STAGE : 'stage' ;
FINAL : 'final' ;
GO : 'go' ;
SET : 'set' ;
RAISE : 'raise' ;
RECALL : 'recall' ;
VAR : 'var' ;
ENROL : 'enrol' ;
WHILE : 'while' ;
WHERE : 'where' ;
WITHIN : 'within' ;
SINCE : 'since' ;
OTHERWISE : 'otherwise' ;
DEFAULT : 'default' ;
KNOWN : 'known' ;
MISSING : 'missing' ;
ANY : 'any' ;
ENTRY : 'entry' ;
AS : 'as' ;
IN : 'in' ;
AND : 'and' ;
OR : 'or' ;
NOT : 'not' ;
IF : 'if' ;
THEN : 'then' ;
ELSE : 'else' ;
MATCH : 'match' ;
BETWEEN : 'between' ;
TRUE : 'true' ;
FALSE : 'false' ;

// ---- soft words: ordinary names wherever the grammar does not ask for them ----
AGAIN : 'again' ;
ALLOCATION : 'allocation' ;
ALWAYS : 'always' ;
APPROVAL : 'approval' ;
ASC : 'asc' ;
ASK : 'ask' ;
AT : 'at' ;
ATTEMPTS : 'attempts' ;
BACK : 'back' ;
BEFORE : 'before' ;
BUNDLE : 'bundle' ;
BUSINESS : 'business' ;
BY : 'by' ;
CALENDAR : 'calendar' ;
CAMPAIGN : 'campaign' ;
CANCEL : 'cancel' ;
CANCELS : 'cancels' ;
COST : 'cost' ;
COUNTS : 'counts' ;
CURRENCY : 'currency' ;
DAY : 'day' ;
DAYS : 'days' ;
DEADLINE : 'deadline' ;
DESC : 'desc' ;
DUE : 'due' ;
ENROLLED : 'enrolled' ;
ENTITY : 'entity' ;
ENUM : 'enum' ;
EVENT : 'event' ;
EXPECT : 'expect' ;
EXPERIMENT : 'experiment' ;
EXTEND : 'extend' ;
FEED : 'feed' ;
FIELDS : 'fields' ;
FOR : 'for' ;
FORCE : 'force' ;
FROM : 'from' ;
FUNCTION : 'function' ;
GIVEN : 'given' ;
HOLD : 'hold' ;
HOLDOUT : 'holdout' ;
HOUR : 'hour' ;
HOURS : 'hours' ;
KEY : 'key' ;
LEASE : 'lease' ;
LET : 'let' ;
LIFT : 'lift' ;
LIMITS : 'limits' ;
LIST : 'list' ;
MIGRATE : 'migrate' ;
MINUTE : 'minute' ;
MINUTES : 'minutes' ;
MOD : 'mod' ;
MODULE : 'module' ;
MONTH : 'month' ;
MONTHS : 'months' ;
MOST : 'most' ;
NATIVE : 'native' ;
NEEDS : 'needs' ;
NO : 'no' ;
NOTE : 'note' ;
NOTIFY : 'notify' ;
OF : 'of' ;
ONCE : 'once' ;
OPEN : 'open' ;
OUTCOMES : 'outcomes' ;
PARAMETER : 'parameter' ;
PER : 'per' ;
PERSONAL : 'personal' ;
PLACE : 'place' ;
PRIORITY : 'priority' ;
QUARTER : 'quarter' ;
QUARTERS : 'quarters' ;
QUEUE : 'queue' ;
QUOTA : 'quota' ;
RECORD : 'record' ;
REQUEST : 'request' ;
RESTART : 'restart' ;
SECOND : 'second' ;
SECONDS : 'seconds' ;
SEGMENTATION : 'segmentation' ;
SKIP_WORD : 'skip' ;
SPENT : 'spent' ;
STARTS : 'starts' ;
STAYS : 'stays' ;
STRATEGY : 'strategy' ;
TABLE : 'table' ;
TASK : 'task' ;
TEST : 'test' ;
THIS : 'this' ;
TIMES : 'times' ;
TIMEZONE : 'timezone' ;
TO : 'to' ;
USE : 'use' ;
WEEK : 'week' ;
WEEKS : 'weeks' ;
WINDOW : 'window' ;
YEAR : 'year' ;
YEARS : 'years' ;

// ---- literals ----
DATE : D D D D '-' D D '-' D D ;
BAD_DATE : D D D D '-' D+ '-' D+ ;                 // 2026-1-5 is a mistake, not a subtraction
TIME : D D? ':' D D (':' D D)? ;
BAD_TIME : D+ ':' D+ (':' D+)* ;
PERCENT : (INT | DECIMAL) '%' ;
DECIMAL : INT '.' D+ ;
INT : D+ ('_' D+)* ;
BAD_NUMBER : D (LETTER | MARK | [0-9_])* ;         // 3days, 1__000
TEXT : '"' TEXT_PART* '"' ;
BAD_TEXT : '"' ~["\r\n]* ;                          // never ends

ID : LETTER (LETTER | DIGIT | MARK)* ;
QUOTED_ID : '`' ~[`\r\n]+ '`' ;
BAD_QUOTED_ID : '`' ~[`\r\n]* | '``' ;

// ---- punctuation ----
LBRACE : '{' ;
RBRACE : '}' ;
LPAREN : '(' ;
RPAREN : ')' ;
LBRACKET : '[' ;
RBRACKET : ']' ;
COMMA : ',' ;
COLON : ':' ;
DOT : '.' ;
RANGE : '..' ;
RANGE_BELOW : '..<' ;
ARROW : '->' ;
DBAR : '||' ;
BAR : '|' ;
QUESTION : '?' ;
EQ : '=' ;
NE : '!=' ;
LE : '<=' ;
GE : '>=' ;
LT : '<' ;
GT : '>' ;
PLUS : '+' ;
MINUS : '-' ;
STAR : '*' ;
SLASH : '/' ;
BAD_OPERATOR : '==' | '<>' | '&&' | '=>' | '=<' | '!' | '%' | ':=' | '≤' | '≥' | '≠' | '×' | '−' | '…' ;

RULER : '////' ~[\r\n]* -> skip ;                  // a line of slashes documents nothing
DOC : '///' ~[\r\n]* ;
COMMENT : '//' ~[\r\n]* -> skip ;
NEWLINE : '\r'? '\n' | '\r' ;
SPACE : [ \t\u00A0\u3000\uFEFF\f]+ -> skip ;
BAD_CHARACTER : . ;

// Never made by the lexer: a place where an item ends (made of NEWLINE), and a bracket added to mend the list.
SEP : '\u0000SEP' ;

fragment D : [0-9] ;
fragment LETTER : [\p{L}\p{Nl}_] ;
fragment DIGIT : [\p{Nd}] ;
fragment MARK : [\p{Mn}\p{Mc}\u200C\u200D] ;
fragment TEXT_PART : '\\' ~[\r\n] | INSERT | ~["\\{\r\n] ;
fragment INSERT : '{' (~["{}\r\n] | '"' ('\\' ~[\r\n] | ~["\\\r\n])* '"')* '}' ;
