//! Dumps that were made to do harm, for which nobody vouches, against a real server.

use db::Trust;
use testkit::{Database, Mariadb};

use crate::restore::{load_as, scratch};
use crate::{code, connected, deadline, dump};

const WHOLE: &[u8] = b"\n-- Dump completed\n";

/// Statements that would reach out of the schema that they are loaded into, or run what they brought, if the client or the
/// server took them apart in another way than their reader here. `LIVE` is the live database.
const HARMFUL: &[&[u8]] = &[
    // Behind the one statement that a routine is.
    b"DELIMITER ;;\nCREATE PROCEDURE p() SELECT 1; DROP TABLE LIVE.victim;;\nDELIMITER ;",
    b"DELIMITER ;;\nCREATE PROCEDURE p() BEGIN SELECT 1; END; DROP TABLE LIVE.victim;;\nDELIMITER ;",
    b"DELIMITER ;;\nCREATE FUNCTION f() RETURNS INT RETURN 1; DROP TABLE LIVE.victim;;\nDELIMITER ;",
    b"DELIMITER ;;\nCREATE TRIGGER g BEFORE INSERT ON t FOR EACH ROW SET @a = 1; DROP TABLE LIVE.victim;;\nDELIMITER ;",
    b"DELIMITER ;;\nCREATE EVENT e ON SCHEDULE EVERY 1 DAY DO SELECT 1; DROP TABLE LIVE.victim;;\nDELIMITER ;",
    b"DELIMITER //\n/*!50003 CREATE*/ /*!50003 PROCEDURE p() BEGIN END */; DROP TABLE LIVE.victim//\nDELIMITER ;",
    // Words that open a block elsewhere, and are names here.
    b"DELIMITER ;;\nCREATE PROCEDURE p() SELECT 1 begin; DROP TABLE LIVE.victim;;\nDELIMITER ;",
    b"DELIMITER ;;\nCREATE PROCEDURE p() BEGIN SELECT 1 AS begin; END; DROP TABLE LIVE.victim; END;;\nDELIMITER ;",
    b"DELIMITER ;;\nCREATE PROCEDURE p() BEGIN DECLARE x INT DEFAULT (SELECT 1 begin); END; DROP TABLE LIVE.victim; END;;\nDELIMITER ;",
    b"DELIMITER ;;\nCREATE PROCEDURE p(begin INT) SET @a = begin; DROP TABLE LIVE.victim; END;;\nDELIMITER ;",
    b"DELIMITER ;;\nCREATE PROCEDURE begin() SELECT 1; DROP TABLE LIVE.victim; END;;\nDELIMITER ;",
    b"DELIMITER ;;\nCREATE DEFINER=procedure@x PROCEDURE begin() SELECT 1; DROP TABLE LIVE.victim; END;;\nDELIMITER ;",
    b"DELIMITER ;;\nCREATE PROCEDURE p() BEGIN DECLARE end INT DEFAULT 1; IF CASE WHEN end = 1 THEN if(1, 2, 3) ELSE 3 END THEN SELECT 1; END IF; END; DROP TABLE LIVE.victim; END;;\nDELIMITER ;",
    b"DELIMITER ;;\nCREATE TRIGGER g BEFORE INSERT ON `row` FOR EACH ROW SET @a = 1; DROP TABLE LIVE.victim; END FOR;;\nDELIMITER ;",
    b"DELIMITER ;;\nCREATE PROCEDURE p() BEGIN DECLARE CONTINUE HANDLER FOR NOT FOUND SET @a = 1; END; DROP TABLE LIVE.victim; END;;\nDELIMITER ;",
    b"DELIMITER ;;\nCREATE PROCEDURE p() l: BEGIN LEAVE l; END l; DROP TABLE LIVE.victim; END;;\nDELIMITER ;",
    b"DELIMITER ;;\nBEGIN NOT ATOMIC DROP TABLE LIVE.victim; END;;\nDELIMITER ;",
    // A character whose last byte is a backslash, to the server.
    b"SET NAMES gbk;\nINSERT INTO s VALUES ('\xbf\\'); DROP TABLE LIVE.victim; -- ');",
    b"SET character_set_client = gbk;\nINSERT INTO s VALUES ('\xbf\\'); DROP TABLE LIVE.victim; -- ');",
    b"SET CHARACTER SET 'sjis';\nINSERT INTO s VALUES ('\x83\\'); DROP TABLE LIVE.victim; -- ');",
    b"SET @c = 'gbk';\nSET character_set_client = @c;\nINSERT INTO s VALUES ('\xbf\\'); DROP TABLE LIVE.victim; -- ');",
    b"SET character_set_results = gbk; SET @c = @@character_set_results;\nSET character_set_client = @c;\nINSERT INTO s VALUES ('\xbf\\'); DROP TABLE LIVE.victim; -- ');",
    // Quotes that are those of names, to the client and the server.
    b"SET @m = 'ANSI_QUOTES';\nSET sql_mode = @m;\nCREATE VIEW \"a\\\" AS SELECT 1; DROP TABLE LIVE.victim; CREATE VIEW \"b\" AS SELECT 1; -- \"\n;",
    b"SET sql_mode = 4;\nCREATE VIEW \"a\\\" AS SELECT 1; DROP TABLE LIVE.victim; CREATE VIEW \"b\" AS SELECT 1; -- \"\n;",
    b"SET sql_mode = CONCAT('ANSI_', 'QUOTES');\nCREATE VIEW \"a\\\" AS SELECT 1; DROP TABLE LIVE.victim; CREATE VIEW \"b\" AS SELECT 1; -- \"\n;",
    b"SET sql_mode = 'ORACLE';\nCREATE VIEW \"a\\\" AS SELECT 1; DROP TABLE LIVE.victim; CREATE VIEW \"b\" AS SELECT 1; -- \"\n;",
    b"SET sql_mode = 'ANSI_QUOTES';\nSET @m = @@sql_mode;\nSET sql_mode = '';\nSET sql_mode = @m;\nCREATE VIEW \"a\\\" AS SELECT 1; DROP TABLE LIVE.victim; CREATE VIEW \"b\" AS SELECT 1; -- \"\n;",
    // Comments that the server ends elsewhere than the client.
    b"/*!80000 INSERT INTO t VALUES ('*/ DROP TABLE LIVE.victim; /*!80000 ') */;",
    b"/*!99999 INSERT INTO t VALUES (\"*/ DROP TABLE LIVE.victim; /*!80000 \") */;",
    b"/*M!999998 INSERT INTO t VALUES ('*/ DROP TABLE LIVE.victim; /*!80000 ') */;",
    b"/*!80000 CREATE TABLE x (a int) -- */ DROP TABLE LIVE.victim;\n*/;",
    b"/*!80000 CREATE TABLE x (a int) # */ DROP TABLE LIVE.victim;\n*/;",
    b"/*!80000 SET */ DROP TABLE LIVE.victim;",
    b"INSERT INTO t VALUES (1) /*!50003 /* c */; DROP TABLE LIVE.victim */;",
    b"/*!50003 INSERT INTO t VALUES (1) /* c */; DROP TABLE LIVE.victim */;",
    b"INSERT INTO t VALUES (1) --\x01'\n; DROP TABLE LIVE.victim; --\x01'\n;",
    b"SET NAMES latin1;\nINSERT INTO t VALUES (1) --\xa0'\n; DROP TABLE LIVE.victim; --\xa0'\n;",
    // What is in another database.
    b"DROP VIEW LIVE.v;",
    b"CREATE OR REPLACE VIEW LIVE.v AS SELECT 2 AS a;",
    b"CREATE OR REPLACE DEFINER=CURRENT_USER VIEW `LIVE`.`v` AS SELECT 2 AS a;",
    b"DROP PROCEDURE LIVE.kept;",
    b"DROP TRIGGER LIVE.also_kept;",
    b"CREATE PROCEDURE LIVE.more() SELECT 1;",
    b"CREATE TRIGGER more BEFORE DELETE ON LIVE.victim FOR EACH ROW SET @a = 1;",
    b"CREATE TRIGGER LIVE.more BEFORE DELETE ON LIVE.victim FOR EACH ROW SET @a = 1;",
    b"CREATE EVENT LIVE.e ON SCHEDULE EVERY 1 DAY DO SELECT 1;",
    b"CREATE INDEX more ON LIVE.victim (a);",
    b"DROP INDEX a ON LIVE.victim;",
    b"ALTER TABLE t ADD COLUMN (b int), RENAME TO LIVE.more;",
    b"CREATE TABLE more (a int) ENGINE=MERGE UNION=(LIVE.victim);",
    b"SET STATEMENT max_statement_time=9 FOR DROP TABLE LIVE.victim;",
    b"LOCK TABLES t WRITE, LIVE.victim WRITE;",
    // What would be run by the load.
    b"CREATE FUNCTION f() RETURNS INT BEGIN DELETE FROM LIVE.victim; RETURN 1; END",
    b"DELIMITER ;;\nCREATE FUNCTION f() RETURNS INT BEGIN DELETE FROM LIVE.victim; RETURN 1; END;;\nDELIMITER ;\nINSERT INTO t VALUES (f());",
    b"DELIMITER ;;\nCREATE FUNCTION f() RETURNS INT BEGIN DELETE FROM LIVE.victim; RETURN 1; END;;\nDELIMITER ;\nSET @a = f();",
    b"DELIMITER ;;\nCREATE FUNCTION f() RETURNS INT BEGIN DELETE FROM LIVE.victim; RETURN 1; END;;\nDELIMITER ;\nCREATE TABLE x (a int) SELECT f() AS a;",
    b"DELIMITER ;;\nCREATE FUNCTION f() RETURNS INT BEGIN DELETE FROM LIVE.victim; RETURN 1; END;;\nDELIMITER ;\nINSERT INTO t (a) SELECT f();",
    b"DELIMITER ;;\nCREATE FUNCTION f() RETURNS INT BEGIN DELETE FROM LIVE.victim; RETURN 1; END;;\nDELIMITER ;\nINSERT INTO t SET a = f();",
    b"DELIMITER ;;\nCREATE FUNCTION f() RETURNS INT BEGIN DELETE FROM LIVE.victim; RETURN 1; END;;\nDELIMITER ;\nREPLACE INTO t VALUES (1) ON DUPLICATE KEY UPDATE a = f();",
    b"DELIMITER ;;\nCREATE TRIGGER g BEFORE INSERT ON t FOR EACH ROW DELETE FROM LIVE.victim;;\nDELIMITER ;\nINSERT INTO T VALUES (2);",
    b"DELIMITER ;;\nCREATE TRIGGER g BEFORE INSERT ON t FOR EACH ROW DELETE FROM LIVE.victim;;\nDELIMITER ;\nINSERT INTO t VALUES (2);",
    b"DELIMITER ;;\nCREATE TRIGGER g BEFORE INSERT ON t FOR EACH ROW DELETE FROM LIVE.victim;;\nDELIMITER ;\nCREATE VIEW w AS SELECT a FROM t;\nINSERT INTO w VALUES (2);",
    b"INSERT INTO t VALUES (NEXT VALUE FOR LIVE.counting);",
];

fn live(database: &Database) {
    database.sql_as_app(
        "CREATE TABLE victim (a INT, KEY (a)); INSERT INTO victim VALUES (1); CREATE VIEW v AS SELECT 1 AS a;
         CREATE PROCEDURE kept() SELECT 1; CREATE TRIGGER also_kept BEFORE UPDATE ON victim FOR EACH ROW SET @a = 1",
    );
}

/// A harmful text with what a dump has besides.
fn text(harmful: &[u8], name: &str) -> Vec<u8> {
    let table = b"CREATE TABLE t (a INT);\nCREATE TABLE s (a TEXT);\nCREATE TABLE `row` (a INT);\n".as_slice();
    let mut text = [table, harmful, b"\n", WHOLE].concat();
    while let Some(at) = text.windows(4).position(|four| four == b"LIVE") {
        text.splice(at..at + 4, name.bytes());
    }
    text
}

#[test]
fn a_dump_that_was_made_to_do_harm_is_refused() {
    let database = Mariadb::shared().fresh_creator();
    live(&database);
    let server = connected(&database.url());
    let before = (database.fingerprint(), database.schema());
    for harmful in HARMFUL {
        let shown = String::from_utf8_lossy(harmful);
        let beside = scratch(&server, &database);
        let (exit, said) = code(load_as(Trust::Unverified, &beside, &text(harmful, database.name())));
        assert_eq!(exit, 65, "{shown}: {said}");
        beside.drop_schema(&server, &deadline()).unwrap();
    }
    assert!((database.fingerprint(), database.schema()) == before);
}

#[test]
fn what_dumpers_write_of_everything_is_loaded_though_nobody_vouches_for_it() {
    let database = Mariadb::shared().fresh_creator();
    database.rich();
    database.rich_as_admin();
    database.sql(
        "DELIMITER //
         CREATE PROCEDURE nested(a INT) COMMENT 'it''s; one'
         outer_one: BEGIN
           DECLARE done INT DEFAULT 0; DECLARE x, `end` INT;
           DECLARE c CURSOR FOR SELECT CASE WHEN 1 THEN 2 END;
           DECLARE CONTINUE HANDLER FOR NOT FOUND, SQLSTATE '23000' BEGIN SET done = 1; END;
           DECLARE EXIT HANDLER FOR 1062 SET done = 2;
           inner_one: LOOP
             IF CASE a WHEN 1 THEN a IS NULL ELSE 0 END THEN LEAVE inner_one;
             ELSEIF a > 5 THEN BEGIN END; ELSE SET x = IF(a, 1, 2); END IF;
             CASE a WHEN 1 THEN SELECT 1; WHEN 2 THEN BEGIN SELECT ';'; END; ELSE SET `end` = 1; END CASE;
             CASE WHEN a = 1 THEN SELECT 1; ELSE LEAVE inner_one; END CASE;
           END LOOP inner_one;
           WHILE x < 3 DO SET x = x + 1; /* ; */ END WHILE;
           REPEAT SET x = x - 1; -- it's
           UNTIL x = 0 END REPEAT;
           FOR i IN 1..3 DO SET x = i; END FOR;
         END//
         CREATE FUNCTION plain(a VARCHAR(10) CHARSET latin1) RETURNS VARCHAR(10) CHARSET utf8mb4 COLLATE utf8mb4_bin
           DETERMINISTIC NO SQL SQL SECURITY INVOKER RETURN CONCAT(a, ';')//
         CREATE PROCEDURE one_if(a INT) IF a THEN SELECT 1; ELSE SELECT 2; END IF//
         CREATE TABLE busy (a INT)//
         CREATE TRIGGER busy_if AFTER INSERT ON busy FOR EACH ROW IF NEW.a > 1 THEN SET @a = 1; END IF//
         CREATE TRIGGER busy_after AFTER INSERT ON busy FOR EACH ROW FOLLOWS busy_if BEGIN SET @a = 2; END//
         CREATE EVENT busy_event ON SCHEDULE EVERY 1 DAY STARTS '2030-01-01 00:00:00' DISABLE DO BEGIN SELECT 1; SELECT 2; END//
         SET sql_mode = 'ANSI_QUOTES'//
         CREATE PROCEDURE quoted() BEGIN SELECT 1 AS \"a\\\"; END//
         DELIMITER ;",
    );
    let server = connected(&database.url());
    let (text, census) = dump(&server).unwrap();
    let beside = scratch(&server, &database);
    let loaded = load_as(Trust::Unverified, &beside, &text).unwrap();
    beside.require_equal(&loaded, Some(&census), &deadline()).unwrap();
    assert!(loaded.events.contains("busy_event"));
    let expected = (database.fingerprint(), database.schema());
    let (dir, before) = (tempfile::tempdir().unwrap(), format!("{}_before", database.name()));
    let plan = beside.prepare(&server, &loaded, &before, &dir.path().join("plan.json"), &deadline()).unwrap();
    server.carry_out(plan, &deadline()).unwrap();
    assert!(expected == (database.fingerprint(), database.schema()));
}
