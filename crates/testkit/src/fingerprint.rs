//! What two databases must have in common to count as the same.

use std::collections::BTreeMap;

use crate::client::{Login, run};
use crate::{mariadb, postgres};

/// Rows as text, under settings that say all of a value; `t.*` is the row even where a column is called `t`. Names may
/// hold any byte but NUL, which therefore parts the records.
const POSTGRES: &str = r"
SET timezone = 'UTC'; SET datestyle = 'ISO'; SET intervalstyle = 'postgres'; SET bytea_output = 'hex';
SET extra_float_digits = 3; SET row_security = off; SET search_path = pg_catalog;
\pset fieldsep_zero on
\pset recordsep_zero on
SELECT format(CASE
    WHEN c.relkind = 'S' THEN 'SELECT %L, last_value || '':'' || is_called FROM %I.%I'
    WHEN NOT c.relispopulated THEN 'SELECT %L, ''not populated'' /* %I.%I */'
    ELSE 'SELECT %L, count(*) || '':'' ||
      coalesce(sum((''x'' || substr(md5((t.*)::text), 1, 16))::bit(64)::bigint::numeric), 0) FROM %I.%I t' END,
  CASE c.relkind WHEN 'S' THEN 'sequence ' ELSE '' END || quote_ident(n.nspname) || '.' || quote_ident(c.relname),
  n.nspname, c.relname)
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'p', 'm', 'S') AND c.relpersistence <> 't'
  AND n.nspname <> 'information_schema' AND n.nspname NOT LIKE 'pg\_%'
\gexec
SELECT 'large objects', (SELECT count(*) FROM pg_largeobject_metadata) || ':' || coalesce(sum(('x' ||
  substr(md5(loid || ':' || pageno || ':' || encode(data, 'hex')), 1, 16))::bit(64)::bigint::numeric), 0)
FROM pg_largeobject;
";

/// PostgreSQL's: tables, partitioned ones with all their rows, materialized views, sequences, large objects.
pub(crate) fn postgres(login: &Login) -> BTreeMap<String, String> {
    let printed = login.must(POSTGRES);
    let mut fields = printed.split('\0').map(|field| field.trim_end_matches('\n').to_owned());
    let mut prints = BTreeMap::new();
    while let (Some(name), Some(print)) = (fields.next(), fields.next()) {
        prints.insert(name, print);
    }
    prints
}

/// As `pg_dump` writes it, without comments and the key that differs from dump to dump.
pub(crate) fn postgres_schema(login: &Login) -> String {
    let mut dump = postgres::client("pg_dump", login);
    dump.args(["--schema-only", "--no-password"]);
    essence(&run(dump, "").unwrap_or_else(|words| panic!("pg_dump: {words}")), &["--", "\\restrict", "\\unrestrict"])
}

/// Of the database itself.
pub(crate) fn postgres_properties(admin: &Login, name: &str) -> String {
    let name = name.replace('\'', "''");
    admin.must(&format!(
        "SELECT pg_get_userbyid(datdba), pg_encoding_to_char(encoding), datlocprovider, datcollate, datctype, daticulocale,
           datistemplate, datallowconn, datconnlimit, datacl, spcname, shobj_description(d.oid, 'pg_database')
         FROM pg_database d JOIN pg_tablespace s ON s.oid = dattablespace WHERE datname = '{name}';
         SELECT coalesce(r.rolname, 'all'), setconfig FROM pg_db_role_setting s JOIN pg_database d ON d.oid = setdatabase
           LEFT JOIN pg_roles r ON r.oid = setrole WHERE datname = '{name}' ORDER BY 1"
    ))
}

/// MariaDB's: tables and sequences. CHECKSUM TABLE depends on how the rows lie; this does not.
pub(crate) fn mariadb(login: &Login) -> BTreeMap<String, String> {
    let listed = login.must(
        "SELECT HEX(t.table_name), t.table_type, HEX(c.column_name), c.data_type FROM information_schema.tables t
           JOIN information_schema.columns c ON c.table_schema = t.table_schema AND BINARY c.table_name = t.table_name
         WHERE t.table_schema = DATABASE() AND t.table_type IN ('BASE TABLE', 'SYSTEM VERSIONED', 'SEQUENCE')
         ORDER BY t.table_name, c.ordinal_position",
    );
    let mut tables: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for line in listed.lines() {
        let [table, kind, column, kind_of_column] = line.split('\t').collect::<Vec<_>>()[..] else {
            panic!("an unexpected answer: {line}")
        };
        let (table, column) = (from_hex(table), mariadb::identifier(&from_hex(column)));
        let bytes = match kind_of_column {
            "point" | "linestring" | "polygon" | "multipoint" | "multilinestring" | "multipolygon" | "geometry"
            | "geometrycollection" => format!("CONCAT(ST_SRID({column}), ':', HEX(ST_AsBinary({column})))"),
            _ => format!("CAST({column} AS BINARY)"),
        };
        let key = if kind == "SEQUENCE" { format!("sequence {table}") } else { table };
        tables.entry(key).or_default().push(format!("IFNULL(MD5({bytes}), 'N')"));
    }
    let hash = |columns: &[String]| format!("MD5(CONCAT_WS(',', {}))", columns.join(", "));
    let count = |(key, columns): (&String, &Vec<String>)| {
        let table = mariadb::identifier(key.strip_prefix("sequence ").unwrap_or(key));
        let hash = hash(columns);
        format!("SELECT COUNT(*), IFNULL(SUM(CAST(CONV(LEFT({hash}, 16), 16, 10) AS DECIMAL(20))), 0) FROM {table};\n")
    };
    let questions: String = tables.iter().map(count).collect();
    let answers = login.must(&format!("SET time_zone = '+00:00';\n{questions}"));
    assert_eq!(answers.lines().count(), tables.len(), "one answer for each table");
    tables.into_keys().zip(answers.lines().map(|line| line.replace('\t', ":"))).collect()
}

/// As `mariadb-dump` writes it, without comments.
pub(crate) fn mariadb_schema(login: &Login) -> String {
    let mut dump = mariadb::client("mariadb-dump", login);
    dump.args(["--no-data", "--routines", "--triggers", "--events", "--skip-dump-date", "--skip-comments", "--"]);
    dump.arg(&login.database);
    essence(&run(dump, "").unwrap_or_else(|words| panic!("mariadb-dump: {words}")), &["/*M!999999"])
}

/// Of the database itself.
pub(crate) fn mariadb_properties(admin: &Login, name: &str) -> String {
    admin.must(&format!(
        "SELECT default_character_set_name, default_collation_name, schema_comment FROM information_schema.schemata
         WHERE schema_name = {}",
        mariadb::literal(name)
    ))
}

/// A dump without empty lines and those that begin so.
fn essence(dump: &str, noise: &[&str]) -> String {
    let tells = |line: &&str| !line.is_empty() && !noise.iter().any(|start| line.starts_with(start));
    dump.lines().filter(tells).map(|line| format!("{line}\n")).collect()
}

fn from_hex(text: &str) -> String {
    let byte = |at: usize| u8::from_str_radix(&text[at..at + 2], 16).expect("the server writes hex");
    String::from_utf8((0..text.len()).step_by(2).map(byte).collect()).expect("names are UTF-8")
}
