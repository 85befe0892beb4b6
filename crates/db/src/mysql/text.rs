//! A plain dump as text: how many rows it holds of each table, whether it is whole, and whether it stays in its database.

mod head;
mod lexer;
mod offence;
mod remark;
mod scrutiny;
mod state;
mod statement;

use kit::{Exit, Failure};

use crate::manifest::Census;
use crate::mysql::version::Version;
use lexer::Lexer;
use scrutiny::Scrutiny;

/// Reads a dump as the client that loads it does, in constant memory, however long its lines are.
#[derive(Default)]
pub struct Text {
    lexer: Lexer,
}

impl Text {
    /// For a dump that nobody vouches for, on its way into this server.
    pub(crate) fn unverified(server: Version) -> Self {
        Self { lexer: Lexer::under(Scrutiny::of(server)) }
    }

    /// What is read from here on runs in another session, or again in the first one.
    pub(crate) fn change_session(&mut self) {
        let statement = &mut self.lexer.statement;
        statement.scrutinise(Scrutiny::change_session);
        statement.take_scrutinised_modes();
    }

    /// How many bytes its longest statement has, of what was read.
    pub(crate) fn longest_statement(&self) -> u64 {
        self.lexer.statement.longest
    }

    /// Whether a statement has begun of which is not known yet what it does.
    pub(crate) fn is_undecided(&self) -> bool {
        self.lexer.is_undecided()
    }

    /// Whether a statement, or a comment, could begin with the next byte.
    pub(crate) fn is_between_statements(&self) -> bool {
        self.lexer.is_between_statements()
    }
}

impl crate::engine::Text for Text {
    fn read(&mut self, bytes: &[u8]) {
        self.lexer.read(bytes);
    }

    fn require_harmless(&self) -> Result<(), Failure> {
        self.lexer.statement.offence.as_ref().map_or(Ok(()), |offence| {
            let message = format!("the dump does what no dump of one database does: {offence}");
            Err(Failure::new(Exit::DAMAGED, message)
                .hint("make the dump of one database alone: mariadb-dump NAME, without --databases"))
        })
    }

    fn finish(self: Box<Self>) -> Result<Census, Failure> {
        let lexer = self.lexer;
        if lexer.remark.lacks_privileges {
            let message = "the dump lacks routines that the account may not read: it says `insufficient privileges`";
            return Err(Failure::new(Exit::NOT_PERMITTED, message));
        }
        if !lexer.is_whole() {
            let message = "the dump is not whole: it does not end with `-- Dump completed`";
            return Err(Failure::new(Exit::DAMAGED, message)
                .hint("a dump made with --skip-comments or --compact has no such end"));
        }
        Ok(lexer.statement.census)
    }
}

#[cfg(test)]
mod tests {
    use super::Text;
    use crate::engine::Text as _;
    use crate::manifest::Census;
    use crate::mysql::version::Version;
    use kit::Failure;

    /// Read whole, byte by byte, and in pieces of odd lengths: always the same.
    fn count(text: &str) -> Result<Census, Failure> {
        let read = |size: usize| {
            let mut counter = Box::<Text>::default();
            text.as_bytes().chunks(size.max(1)).for_each(|bytes| counter.read(bytes));
            let harmless = counter.require_harmless().map_err(|failure| failure.message);
            (harmless, counter.finish())
        };
        let (harmless, census) = read(text.len());
        for size in [1, 2, 3, 7] {
            let (also, again) = read(size);
            assert_eq!(harmless, also, "{text}");
            assert_eq!(census.as_ref().ok(), again.as_ref().ok(), "{size}: {text}");
        }
        census
    }

    fn rows(body: &str) -> Vec<(String, u64)> {
        count(&format!("{body}\n-- Dump completed\n"))
            .unwrap_or_else(|failure| panic!("{}: {body}", failure.message))
            .into_iter()
            .collect()
    }

    fn offence(body: &str) -> Option<String> {
        let found = |mut text: Text, size: usize| {
            body.as_bytes().chunks(size).for_each(|bytes| text.read(bytes));
            text.require_harmless().err().map(|failure| failure.message)
        };
        let vouched = found(Text::default(), body.len());
        for server in ["10.11.14-MariaDB", "5.7.44", "8.0.36"] {
            // What nobody vouches for may do no more, and what dumpers write may it do as well.
            let looked = |size| found(Text::unverified(Version::of_server(server)), size);
            let looked_at = looked(body.len());
            assert_eq!(looked_at, looked(1), "{server}: {body}");
            assert_eq!(vouched.is_some(), looked_at.is_some(), "{server}: {looked_at:?}: {body}");
        }
        vouched
    }

    #[test]
    fn rows_are_counted_whatever_they_hold() {
        for (values, expected) in [
            ("(1),(2),(3)", 3),
            ("\n(1,'a'),\n(2,'b')", 2),
            ("('a),(b'),('c')", 2),
            (r"('\'),(\''),('\\'),('it''s),(')", 3),
            (r"('-- no'),('/* open'),('#'),(';\n'),('`'),(0x2829)", 6),
            ("(-1,--2,1.5e-3,NULL,\\N,_binary 'x)','y')", 1),
            ("('INSERT INTO `t` VALUES (1),(2);\n'),(2)", 2),
            ("(f('a',(1)),2),(3)", 2),
            ("(1) /* ),( */,(2) -- ),(\n,(3)", 3),
            ("('日本語),('),('\u{1f511}')", 2),
            ("(\"a),(\",1),(2)", 2),
        ] {
            assert_eq!(
                rows(&format!("CREATE TABLE `t` (\n  `a` int\n);\nINSERT INTO `t` VALUES {values};")),
                [("t".to_owned(), expected)],
                "{values}"
            );
        }
    }

    #[test]
    fn tables_are_known_by_their_names_with_and_without_rows() {
        let text = "CREATE TABLE `a b;c'd\"e``f\\g` (`x` int);\nCREATE TABLE IF NOT EXISTS plain (a int);\n\
            /*!50001 CREATE TABLE `view` (`x` tinyint) ENGINE=MyISAM */;\nCREATE TEMPORARY TABLE x (a int);\n\
            INSERT INTO `a b;c'd\"e``f\\g` (`VALUES`, `(`) VALUES (1,2),(3,4);\nINSERT IGNORE INTO plain VALUES (1);\n\
            REPLACE INTO `plain` VALUES (1);\ninsert into `INSERT INTO ``x`` VALUES (1);` values (1);\n\
            INSERT INTO `plain` SELECT (1);\nINSERT INTO plain (a) VALUES (1) ON DUPLICATE KEY UPDATE a = VALUES(a);";
        let expected = [("INSERT INTO `x` VALUES (1);", 1), ("a b;c'd\"e`f\\g", 2), ("plain", 3)];
        assert_eq!(rows(text), expected.map(|(name, rows)| (name.to_owned(), rows)));
    }

    proptest::proptest! {
        #[test]
        fn any_rows_are_counted(texts in proptest::collection::vec("[-a'\"`();,#/*! \\\\\n\t]{0,12}", 1..20)) {
            // As mysql_real_escape_string writes them, and with quotes doubled.
            let escaped = |text: &String| text.replace('\\', "\\\\").replace('\'', "\\'").replace('"', "\\\"").replace('\n', "\\n");
            let doubled = |text: &String| text.replace('\\', "\\\\").replace('\'', "''");
            for text in [texts.iter().map(escaped).collect::<Vec<_>>(), texts.iter().map(doubled).collect()] {
                let values = format!("('{}')", text.join("',-1),('"));
                let expected = [("t".to_owned(), texts.len() as u64)];
                proptest::prop_assert_eq!(rows(&format!("INSERT INTO `t` VALUES {values};")), expected);
            }
        }
    }

    #[test]
    fn a_dump_of_mysql_8_is_counted() {
        let text = "-- MySQL dump 10.13  Distrib 8.0.36, for Linux (x86_64)\n/*!50503 SET NAMES utf8mb4 */;\n\
            /*!40101 SET @OLD_SQL_MODE=@@SQL_MODE, SQL_MODE='NO_AUTO_VALUE_ON_ZERO' */;\nDROP TABLE IF EXISTS `t`;\n\
            /*!50503 SET character_set_client = utf8mb4 */;\nCREATE TABLE `t` (\n  `id` int NOT NULL,\n  `g` int GENERATED ALWAYS AS ((`id` + 1)) VIRTUAL,\n\
              `h` int /*!80023 INVISIBLE */ DEFAULT (1),\n  KEY `k` ((`id` + 1)) /*!80000 INVISIBLE */\n) ENGINE=InnoDB COLLATE=utf8mb4_0900_ai_ci;\n\
            LOCK TABLES `t` WRITE;\nINSERT INTO `t` (`id`, `h`) VALUES (1,2),(3,4);\nUNLOCK TABLES;\n\
            /*!50003 SET @saved_sql_mode       = @@sql_mode */ ;\n/*!50003 SET sql_mode              = 'ONLY_FULL_GROUP_BY' */ ;\nDELIMITER ;;\n\
            /*!50003 CREATE*/ /*!50017 DEFINER=`a`@`%`*/ /*!50003 TRIGGER `x` BEFORE INSERT ON `t` FOR EACH ROW SET NEW.h = 1 */;;\nDELIMITER ;\n\
            /*!50003 SET sql_mode              = @saved_sql_mode */ ;\nSET @saved_cs_client     = @@character_set_client;\n\
            /*!50001 CREATE VIEW `v` AS SELECT \n 1 AS `id`*/;\n/*!50001 DROP VIEW IF EXISTS `v`*/;\n\
            /*!50001 CREATE ALGORITHM=UNDEFINED */\n/*!50013 DEFINER=`a`@`%` SQL SECURITY DEFINER */\n/*!50001 VIEW `v` AS select 1 AS `id` */;";
        assert_eq!(rows(text), [("t".to_owned(), 2)]);
        assert_eq!(offence(text), None);
    }

    #[test]
    fn what_routines_say_is_no_row() {
        let text = "DELIMITER ;;\nCREATE PROCEDURE `p`()\nBEGIN\n  INSERT INTO t VALUES (1),(2); -- it's\n  # it's\n  SELECT ';;'; /* ;; */\nEND ;;\n\
            /*!50003 CREATE*/ /*!50017 DEFINER=`a`@`%`*/ /*!50003 TRIGGER `x` BEFORE INSERT ON t FOR EACH ROW BEGIN INSERT INTO u VALUES (1); END */;;\n\
            DELIMITER ;\nINSERT INTO t VALUES (1);";
        assert_eq!(rows(text), [("t".to_owned(), 1)]);
        for delimiter in ["//", "$$", "|", ";;;", "--x"] {
            let text = format!(
                "DELIMITER {delimiter}\nCREATE FUNCTION f() RETURNS INT BEGIN INSERT INTO u VALUES (1); RETURN 4/2; END {delimiter}\nDELIMITER ;\nINSERT INTO t VALUES (4),(5);"
            );
            assert_eq!(rows(&text), [("t".to_owned(), 2)], "{delimiter}");
        }
    }

    #[test]
    fn the_mode_that_a_routine_was_made_under_decides_what_a_backslash_is() {
        let text = "/*!50003 SET sql_mode              = 'STRICT_ALL_TABLES,NO_BACKSLASH_ESCAPES' */ ;\nDELIMITER ;;\n\
            CREATE FUNCTION f() RETURNS TEXT RETURN '\\' ;;\nDELIMITER ;\n/*!50003 SET sql_mode = @saved_sql_mode */ ;\n\
            INSERT INTO t VALUES ('\\'),(');\n\
            SET sql_mode = 'ANSI_QUOTES';\nCREATE FUNCTION g() RETURNS TEXT RETURN (SELECT \"\\\" FROM t);\nSET sql_mode = '';\nINSERT INTO t VALUES (1);";
        assert_eq!(rows(text), [("t".to_owned(), 2)]);
    }

    #[test]
    fn a_dump_that_breaks_off_is_not_whole() {
        let whole = "CREATE TABLE `t` (`a` int);\nINSERT INTO `t` VALUES ('-- Dump completed\n');\n-- Dump completed";
        assert!(count(whole).is_ok() && count(&format!("{whole} on 2026-11-21 10:15:00\n\n")).is_ok());
        for end in 0..whole.len() {
            let failure = count(&whole[..end]).unwrap_err();
            assert_eq!(failure.exit.code(), 65, "{end}");
        }
        for more in ["\nINSERT INTO `t` VALUES (1);\n", "\n/* open", "\nDELIMITER ;;\n", "\n'", "\n-- Dump of more\nx"]
        {
            assert_eq!(count(&format!("{whole}{more}")).unwrap_err().exit.code(), 65, "{more}");
        }
        assert_eq!(count("/* -- Dump completed */\n").unwrap_err().exit.code(), 65);
    }

    #[test]
    fn a_routine_that_could_not_be_read_is_77() {
        let text = "\n-- insufficient privileges to SHOW CREATE FUNCTION `f`\n-- does 'app'@'%' have permissions on mysql.proc?\n\n-- Dump completed\n";
        assert_eq!(count(text).unwrap_err().exit.code(), 77);
        let routine = "DELIMITER ;;\nCREATE FUNCTION f() RETURNS INT BEGIN\n-- insufficient privileges to SHOW CREATE\n-- Dump completed\nRETURN 1; END ;;\nDELIMITER ;\n";
        assert!(count(&format!("{routine}-- Dump completed\n")).is_ok() && count(routine).is_err());
        assert!(count("INSERT INTO t VALUES ('\n-- insufficient privileges to x\n');\n-- Dump completed\n").is_ok());
    }

    #[test]
    fn what_no_dump_of_one_database_does_is_refused() {
        for text in [
            "\\! touch /x\n",
            "SELECT 1 \\g",
            "/*!50000 \\! x */;",
            "INSERT INTO t VALUES ('a\\\\') \\! x",
            "USE other;",
            "/*!40000 USE `other` */;",
            "use other",
            "CREATE DATABASE x;",
            "CREATE /*!32312 IF NOT EXISTS*/ DATABASE x;",
            "CREATE DATABASE /*!32312 IF NOT EXISTS*/ `x` /*!40100 DEFAULT CHARACTER SET utf8mb4 */;",
            "DROP SCHEMA x;",
            "ALTER DATABASE x CHARACTER SET latin1;",
            "GRANT ALL ON *.* TO x;",
            "CREATE USER x;",
            "SET GLOBAL general_log = 1;",
            "SET @@global.general_log = 1;",
            "SET PASSWORD = 'x';",
            "SELECT 'x' INTO OUTFILE '/tmp/x';",
            "LOAD DATA INFILE '/etc/passwd' INTO TABLE t;",
            "system id\n;",
            "source /etc/passwd\n;",
            "INSERT INTO other.t VALUES (1);",
            "INSERT INTO `other` . `t` VALUES (1);",
            "DROP TABLE IF EXISTS `a`, `other`.`t`;",
            "CREATE TABLE other.t (a int);",
            "SELECT 1; DELIMITER x\n",
            "DELIMITER \n",
            "   \nDELIMITER ;;\nSET @a = 1; USE other;;",
            " DELIMITER ;;\n",
            "/* c */\nDELIMITER ;;\n",
            "DELIMITER ;;\tx\n",
            "DELIMITER ;;\r\n",
            "DELIMITER 0123456789abcdef\n",
            "DELIMITER //\nSET @a = 1; DROP TABLE u //\nDELIMITER ;\n",
            "--\u{b}'\nUSE other;\n-- '",
            "  --1; USE other;",
            "PREPARE s FROM 'DROP DATABASE x';",
            "EXECUTE IMMEDIATE 'DROP DATABASE x';",
            "CALL p();",
            "SET @x = (SELECT 1 FROM other.t);\n/* \\! */ \\u other;",
        ] {
            let text = if text.ends_with([';', '\n', 'x', 'g']) { text.to_owned() } else { format!("{text};") };
            assert!(offence(&format!("{text}\n;")).is_some(), "{text}");
        }
    }

    #[test]
    fn what_dumps_do_is_harmless() {
        for text in [
            "/*M!999999\\- enable the sandbox mode */ \n-- MariaDB dump\n/*!40101 SET NAMES utf8mb4 */;",
            "/*!40101 SET @OLD_SQL_MODE=@@SQL_MODE, SQL_MODE='NO_AUTO_VALUE_ON_ZERO' */;",
            "DROP TABLE IF EXISTS `t`;\nLOCK TABLES `t` WRITE;\n/*!40000 ALTER TABLE `t` DISABLE KEYS */;\nUNLOCK TABLES;",
            "/*!50001 CREATE ALGORITHM=UNDEFINED */\n/*!50013 DEFINER=`a`@`%` SQL SECURITY DEFINER */\n/*!50001 VIEW `v` AS select `t`.`a` AS `a` from `t` */;",
            "CREATE TABLE user (a int);\nDROP TABLE IF EXISTS role;\nINSERT INTO `database` VALUES (1);",
            "DO SETVAL(`s`, 5, 0);\nSELECT SETVAL(`s`, 5, 0);",
            "INSERT INTO t VALUES ('\\! x','USE other;',\\N);",
            "CREATE TABLE t (a int, b int AS (`a`.`b`) VIRTUAL);",
            "DELIMITER ;;\nCREATE PROCEDURE p() BEGIN USE_IT: LOOP LEAVE USE_IT; END LOOP; END ;;\nDELIMITER ;",
            "# \\! comment\n-- \\! comment\n/* \\! comment */ COMMIT;",
        ] {
            assert_eq!(offence(&format!("{text}\n")), None, "{text}");
        }
    }
}
