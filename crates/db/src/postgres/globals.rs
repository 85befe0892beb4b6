//! What belongs to the server and not to the database, as SQL that may be run twice: the roles, without passwords, and what
//! is said about the database itself. All of it any role may read.

use kit::Failure;

use crate::postgres::properties::{Properties, set};
use crate::postgres::quote::{identifier, literal};
use crate::postgres::session::Session;

/// Every role that somebody made.
const ROLES: &str = r"
SELECT rolname, concat_ws(' ', 'ALTER ROLE', quote_ident(rolname), 'WITH',
  CASE WHEN rolsuper THEN '' ELSE 'NO' END || 'SUPERUSER', CASE WHEN rolinherit THEN '' ELSE 'NO' END || 'INHERIT',
  CASE WHEN rolcreaterole THEN '' ELSE 'NO' END || 'CREATEROLE', CASE WHEN rolcreatedb THEN '' ELSE 'NO' END || 'CREATEDB',
  CASE WHEN rolcanlogin THEN '' ELSE 'NO' END || 'LOGIN', CASE WHEN rolreplication THEN '' ELSE 'NO' END || 'REPLICATION',
  CASE WHEN rolbypassrls THEN '' ELSE 'NO' END || 'BYPASSRLS', 'CONNECTION LIMIT ' || rolconnlimit,
  'VALID UNTIL ' || quote_literal(rolvaliduntil)) || ';'
FROM pg_roles WHERE rolname NOT LIKE 'pg\_%' ORDER BY 1;
";

/// Who is a member of what.
const MEMBERS: &str = r"
SELECT format('GRANT %I TO %I%s;', g.rolname, m.rolname, CASE WHEN a.admin_option THEN ' WITH ADMIN OPTION' ELSE '' END)
FROM pg_auth_members a JOIN pg_roles g ON g.oid = a.roleid JOIN pg_roles m ON m.oid = a.member
WHERE m.rolname NOT LIKE 'pg\_%' ORDER BY 1;
";

/// What is set for a role, in whatever database.
const SETTINGS: &str = r"
SELECT r.rolname, split_part(c.text, '=', 1), substr(c.text, strpos(c.text, '=') + 1)
FROM pg_db_role_setting s JOIN pg_roles r ON r.oid = s.setrole CROSS JOIN unnest(s.setconfig) WITH ORDINALITY c (text, place)
WHERE s.setdatabase = 0 ORDER BY 1, c.place;
";

/// Reads them.
pub(crate) fn read(session: &mut Session) -> Result<String, Failure> {
    let mut lines = vec![
        "-- Roles of the server and settings of the database, which the dump does not hold. Passwords are left out."
            .to_owned(),
        "-- Run what is needed of it as a superuser before the restore, with psql -X -d postgres -f globals.sql"
            .to_owned(),
        String::new(),
    ];
    for role in session.ask(ROLES, 2)? {
        if let [name, attributes] = &role[..] {
            lines.extend([create_role(name), attributes.clone()]);
        }
    }
    lines.extend(session.ask(MEMBERS, 1)?.into_iter().flatten());
    for setting in session.ask(SETTINGS, 3)? {
        if let [role, name, value] = &setting[..] {
            lines.push(format!("ALTER ROLE {} {};", identifier(role), set(name, value)));
        }
    }
    let database = session.value("SELECT current_database();")?;
    let properties = Properties::read(session, &database)?;
    lines.push(String::new());
    lines.extend(properties.create(&database).lines().map(|line| format!("-- {line}")));
    lines.push(format!("ALTER DATABASE {} OWNER TO {};", identifier(&database), identifier(&properties.owner)));
    lines.extend(properties.statements(&database));
    lines.push(String::new());
    Ok(lines.join("\n"))
}

/// Makes a role unless it is there: `CREATE ROLE` itself knows no such condition.
fn create_role(name: &str) -> String {
    let (text, role) = (literal(name), identifier(name));
    let body = format!(
        "BEGIN IF NOT EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = {text}) THEN CREATE ROLE {role}; END IF; END"
    );
    format!("DO {};", literal(&body))
}
