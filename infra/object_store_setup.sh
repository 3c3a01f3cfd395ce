# Makes the bucket, its rules, its users and their policies; every step may be repeated. Needs only sh, cat, sleep and mc.
# Root's name and password come in MC_HOST_store; a user's password stands in /users/<name> and is passed on by a pipe.
set -eu

tries=0
until mc ready store >/dev/null 2>&1; do
  tries=$((tries + 1))
  if [ "$tries" -ge 60 ]; then
    echo "the object store is not ready after $tries tries:" >&2
    mc ready store >&2 || true
    exit 1
  fi
  sleep 1
done

mc mb --ignore-existing --region "$REGION" "store/$BUCKET"
mc version "$VERSIONING" "store/$BUCKET"
# Replaces all rules there are.
mc ilm import "store/$BUCKET" < /setup/lifecycle.json
# Nobody without a log-in.
mc anonymous set private "store/$BUCKET"

for user in $USERS; do
  mc admin policy create store "$user" "/setup/$user.json"
  { printf '%s\n' "$user"; cat "/users/$user"; echo; } | mc admin user add store
  # Attaching what is attached is an error: ask first.
  case "$(mc admin user info store "$user")" in
    *"PolicyName: $user"*) ;;
    *) mc admin policy attach store "$user" --user "$user" ;;
  esac
done
