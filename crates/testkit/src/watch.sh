#!/bin/sh
# watch ENGINE PARENT TEMPLATE PROGRAMS USER: one server of a test process, and its end. Orders come on standard
# input, a pipe that the test process alone holds: when it ends, however it ends, the kernel closes the pipe, and the
# server and its directory go. USER is whom the server runs as; empty: whoever runs this.
#
#   (begin)     makes the directory and the data in it, answers with the directory's path
#   start PORT  starts the server, answers with its process id
#   wait        waits until the server has ended, answers with its exit status
#
# What goes wrong before the first answer is told on standard output.

set -u

engine=$1 parent=$2 template=$3 programs=$4 user=$5
server=
umask 022
dir=$(mktemp -d --tmpdir="$parent") || exit 1
# Others pass through to the socket, and list nothing.
chmod 711 "$dir"

as_user() {
  if [ -n "$user" ]; then
    exec setpriv --reuid "$user" --regid "$user" --init-groups "$@"
  fi
  exec "$@"
}

initialise() {
  case $engine in
    postgres)
      # Sockets and TCP alike ask for a password. The first one is replaced as soon as the server answers.
      echo first >"$dir/password" &&
        chmod 644 "$dir/password" &&
        (as_user "$programs/initdb" --no-sync --no-instructions --wal-segsize=4 --encoding=UTF8 --locale=C.UTF-8 \
          --username=postgres --auth=scram-sha-256 --pwfile="$dir/password" --pgdata="$dir/data")
      ;;
    mariadb)
      # A server that starts clears its temporary directory of what looks like its own: not of what is another's.
      mariadb-install-db --no-defaults --auth-root-authentication-method=normal --skip-test-db --skip-name-resolve \
        --innodb-log-file-size=16M ${user:+--user="$user"} --datadir="$dir/data" --tmpdir="$dir"
      ;;
    redis)
      (as_user mkdir "$dir/data")
      ;;
    nginx) mkdir "$dir/data" ;;
  esac
}

# The data as the engine's own tool makes it, from the second time on a copy. It gets its place by one rename.
prepare() {
  [ -z "$user" ] || chown "$user:" "$dir" || return
  if [ -d "$template" ]; then
    cp -a --reflink=auto "$template" "$dir/data"
    return
  fi
  initialise || return
  mkdir -p "$(dirname "$template")" &&
    cp -a --reflink=auto "$dir/data" "$template.$$" &&
    # Another process may have been faster: then its template is as good.
    { mv -T "$template.$$" "$template" || rm -rf "$template.$$"; }
}

# Every path that nginx would take outside of the directory is named. server.conf is the test's own. Where there is a
# certificate, the port speaks TLS.
configure_nginx() {
  tls=
  [ ! -f "$dir/cert.pem" ] || tls=' ssl'
  cat <<END
daemon off;
worker_processes 1;
pid $dir/pid;
error_log stderr;
events { worker_connections 64; }
http {
  log_format request '\$request_method \$request_uri \$status';
  access_log $dir/requests request;
  client_body_temp_path $dir/body;
  proxy_temp_path $dir/proxy;
  fastcgi_temp_path $dir/fastcgi;
  scgi_temp_path $dir/scgi;
  uwsgi_temp_path $dir/uwsgi;
  types { text/html html; text/css css; text/xml xml; image/png png; }
  server {
    listen 127.0.0.1:$1$tls;
    root $dir/site;
    include $dir/server.conf;
  }
}
END
}

# Nothing waits for the disk: a power cut may take all. But what is committed has reached the kernel and survives that the
# server is killed. PostgreSQL's synchronous_commit=off lost it every other time, and MariaDB's 0 for 2 would, too.
serve() {
  case $engine in
    postgres)
      # Where a test has made locales of its own.
      [ ! -d "$dir/locales" ] || export LOCPATH="$dir/locales"
      as_user "$programs/postgres" -D "$dir/data" -p "$1" -k "$dir" -h 127.0.0.1 -c fsync=off -c full_page_writes=off \
        -c shared_buffers=32MB -c max_connections=100 -c max_wal_size=512MB -c timezone=UTC \
        -c log_timezone=UTC -c dynamic_shared_memory_type=mmap -c cluster_name=testkit
      ;;
    mariadb)
      exec "$programs/mariadbd" --no-defaults ${user:+--user="$user"} --datadir="$dir/data" --tmpdir="$dir" --port="$1" \
        --bind-address=127.0.0.1 --socket="$dir/socket" --pid-file="$dir/pid" --skip-name-resolve --skip-log-bin \
        --event-scheduler=OFF --performance-schema=OFF --character-set-server=utf8mb4 \
        --collation-server=utf8mb4_general_ci --innodb-buffer-pool-size=64M --innodb-log-file-size=16M \
        --innodb-flush-log-at-trx-commit=2 --innodb-use-native-aio=0 --key-buffer-size=1M \
        --aria-pagecache-buffer-size=8M --max-connections=100
      ;;
    redis)
      as_user "$programs/redis-server" --port "$1" --bind 127.0.0.1 --dir "$dir/data" --save '' --databases 16 \
        --daemonize no
      ;;
    nginx)
      configure_nginx "$1" >"$dir/nginx.conf" || exit
      as_user "$programs/nginx" -p "$dir/" -c "$dir/nginx.conf" -e stderr
      ;;
  esac
}

# PostgreSQL's and nginx's way to end at once ends their children too; the others are one process. The data is thrown away
# anyway. A server that a test has stopped would never see its signal.
end() {
  [ -z "$server" ] || {
    case $engine in
      postgres) kill -QUIT "$server" ;;
      nginx) kill -TERM "$server" ;;
      *) kill -KILL "$server" ;;
    esac
    kill -CONT "$server"
    wait "$server"
  } 2>/dev/null
  # A postmaster that was killed leaves its few bytes of System V memory; the 7th line is their key and number.
  if [ -f "$dir/data/postmaster.pid" ]; then
    memory=$(sed -n '7s/.* //p' "$dir/data/postmaster.pid")
    [ -z "$memory" ] || ipcrm -m "$memory" 2>/dev/null
  fi
  # A killed server's last children may still write.
  tries=0
  until rm -rf "$dir" 2>/dev/null || [ "$tries" = 100 ]; do
    tries=$((tries + 1))
    sleep 0.1
  done
}

if ! prepare >"$dir/log" 2>&1 </dev/null; then
  cat "$dir/log"
  end
  exit 1
fi
echo "$dir"
while read -r order port; do
  case $order in
    start)
      (serve "$port") >"$dir/log" 2>&1 </dev/null &
      server=$!
      echo "$server"
      ;;
    wait)
      status=0
      wait "$server" 2>/dev/null || status=$?
      server=
      echo "$status"
      ;;
  esac
done
end
