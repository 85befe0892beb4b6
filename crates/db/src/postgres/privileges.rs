//! Whether the role may read all that `pg_dump` is going to read. It stops at the first thing that it may not; this says
//! all at once what to grant.

use kit::{Exit, Failure, voice};

use crate::address::Address;
use crate::postgres::quote::identifier;
use crate::postgres::session::Session;

/// What the role may not: the kind, the schema, the name.
const QUESTION: &str = r"
WITH dumped AS (
  SELECT c.oid, c.relkind, c.relname, n.oid AS schema, n.nspname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
  WHERE c.relkind IN ('r', 'p', 'S') AND c.relpersistence <> 't' AND n.nspname NOT LIKE 'pg\_%' AND n.nspname <> 'information_schema'
    AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e'))
SELECT DISTINCT 'schema', nspname, '' FROM dumped WHERE NOT has_schema_privilege(schema, 'USAGE')
UNION ALL
SELECT 'table', nspname, relname FROM dumped WHERE relkind <> 'S' AND NOT has_table_privilege(oid, 'SELECT')
UNION ALL
SELECT 'sequence', nspname, relname FROM dumped WHERE CASE WHEN relkind = 'S' THEN NOT has_sequence_privilege(oid, 'SELECT') END
UNION ALL
SELECT 'policy', nspname, relname FROM dumped WHERE relkind <> 'S' AND has_table_privilege(oid, 'SELECT') AND row_security_active(oid)
UNION ALL
SELECT 'large object', '', m.oid::text FROM pg_largeobject_metadata m, pg_roles r WHERE r.rolname = current_user
  AND NOT r.rolsuper AND NOT pg_has_role(m.lomowner, 'USAGE') AND NOT EXISTS (SELECT FROM aclexplode(m.lomacl) a
    WHERE a.privilege_type = 'SELECT' AND (a.grantee = 0 OR pg_has_role(a.grantee, 'USAGE')))
ORDER BY 1, 2, 3;
";

/// 77 with the statement that grants what is missing.
pub(crate) fn require(session: &mut Session, address: &Address) -> Result<(), Failure> {
    let lacks = session.ask(QUESTION, 3)?;
    let role = identifier(&session.value("SELECT current_user;")?);
    let has_read_all = session.value("SELECT count(*) FROM pg_roles WHERE rolname = 'pg_read_all_data';")? == "1";
    match sentence(&lacks, &role, has_read_all) {
        None => Ok(()),
        Some((what, grant)) => {
            let message = format!("cannot back up {address} as {role}: it may not read {what}");
            Err(Failure::new(Exit::NOT_PERMITTED, voice::clean_line(&message))
                .hint(format!("as a superuser, in that database: {grant}")))
        }
    }
}

/// What the role may not read, and the statements that let it; `None` when it may read everything.
fn sentence(lacks: &[Vec<String>], role: &str, has_read_all: bool) -> Option<(String, String)> {
    let of = |kinds: &'static [&str]| {
        lacks.iter().filter(move |lack| kinds.contains(&lack.first().map_or("", String::as_str)))
    };
    let (first, more) = (lacks.first()?, lacks.len() - 1);
    let mut grants = Vec::new();
    if of(&["schema", "table", "sequence"]).next().is_some() {
        if has_read_all {
            grants.push(format!("GRANT pg_read_all_data TO {role};"));
        } else {
            let mut schemas: Vec<_> = of(&["schema", "table", "sequence"]).filter_map(|lack| lack.get(1)).collect();
            schemas.sort();
            schemas.dedup();
            grants.extend(schemas.into_iter().map(|schema| of_schema(&identifier(schema), role)));
        }
    }
    if of(&["policy"]).next().is_some() {
        grants.push(format!("ALTER ROLE {role} BYPASSRLS;"));
    }
    let objects = of(&["large object"]).filter_map(|lack| lack.get(2));
    grants.extend(objects.take(10).map(|oid| format!("GRANT SELECT ON LARGE OBJECT {oid} TO {role};")));
    Some((
        format!("{}{}", spell(first), if more > 0 { format!(" and {more} more") } else { String::new() }),
        grants.join(" "),
    ))
}

fn of_schema(schema: &str, role: &str) -> String {
    format!(
        "GRANT USAGE ON SCHEMA {schema} TO {role}; GRANT SELECT ON ALL TABLES IN SCHEMA {schema} TO {role}; \
         GRANT SELECT ON ALL SEQUENCES IN SCHEMA {schema} TO {role};"
    )
}

fn spell(lack: &[String]) -> String {
    match lack {
        [kind, schema, _] if kind == "schema" => format!("the schema {schema}"),
        [kind, schema, name] if kind == "policy" => format!("all rows of {schema}.{name}, because of its row security"),
        [kind, schema, name] if schema.is_empty() => format!("the {kind} {name}"),
        [kind, schema, name] => format!("the {kind} {schema}.{name}"),
        _ => "something".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::sentence;

    fn of(lacks: &[[&str; 3]], has_read_all: bool) -> Option<(String, String)> {
        let lacks: Vec<_> = lacks.iter().map(|lack| lack.map(str::to_owned).to_vec()).collect();
        sentence(&lacks, "\"app\"", has_read_all)
    }

    #[test]
    fn the_grants_are_those_that_are_missing() {
        assert_eq!(of(&[], true), None);
        let tables = [["sequence", "public", "s"], ["table", "public", "t"], ["table", "a \"b", "t"]];
        let (what, grant) = of(&tables, true).unwrap();
        assert_eq!(
            (what.as_str(), grant.as_str()),
            ("the sequence public.s and 2 more", "GRANT pg_read_all_data TO \"app\";")
        );
        let (_, grant) = of(&tables, false).unwrap();
        assert!(grant.contains("GRANT SELECT ON ALL TABLES IN SCHEMA \"public\" TO \"app\";"), "{grant}");
        assert!(grant.contains("GRANT USAGE ON SCHEMA \"a \"\"b\" TO \"app\";"), "{grant}");
        assert_eq!(grant.matches("USAGE").count(), 2);
        let (what, grant) = of(&[["policy", "public", "t"]], true).unwrap();
        assert!(what.starts_with("all rows of public.t"));
        assert_eq!(grant, "ALTER ROLE \"app\" BYPASSRLS;");
        let (what, grant) = of(&[["large object", "", "4711"]], true).unwrap();
        assert_eq!(
            (what.as_str(), grant.as_str()),
            ("the large object 4711", "GRANT SELECT ON LARGE OBJECT 4711 TO \"app\";")
        );
    }
}
