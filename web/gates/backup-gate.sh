#!/bin/sh
# A backup before a deployment: starts a backup of an ECS instance in Backup Portal and waits until it is complete. If the
# backup is not complete, it stops the pipeline. It needs a POSIX shell, curl and these environment variables:
#
#   PORTAL_URL          the URL of the portal, with https unless it is on this machine
#   Account, Region, InstanceId, Retention
#                       parameters of the backup; Retention is in days. InstanceId can have several IDs, separated by
#                       blanks: the gate then starts one batch, which is complete if all its backups are
#   Tag                 in place of InstanceId: a tag, as key=value or as a key alone. The gate starts one batch of the
#                       instances that have the tag at its start. If no instance has it, the gate fails
#   Preset              optional: the name of a preset of the portal, which has the other parameters; Retention can
#                       then be empty
#   PORTAL_TOKEN        a token of the portal, from the CI secrets
#   GATE_RUN            identifies this run of the pipeline, for example by its URL. A run that is repeated within seven
#                       days gets the backup that it started before. It starts a new one only if the earlier backup
#                       did not succeed.
#   GATE_TIMEOUT        the longest total wait in seconds; default 3600
#   GATE_ALLOW_PARTIAL  1: a backup with missing items is accepted
#   GATE_REQUIRE_CONSISTENT
#                       1: a backup is accepted only if it is application-consistent. The preset must request this. The
#                       gate then also waits for the cloud to say how consistent the backup is
#
# Exit codes:
#
#   0  the backup is complete
#   1  there is no backup: it failed, or the policy or Cloud Backup refused it
#   2  the backup is complete, but some items are missing
#   3  the backup was cancelled
#   4  timeout; the backup may continue
#   5  error: a variable is wrong, or the portal does not answer or does not accept the request
#   6  the backup is complete, but it is not application-consistent, and GATE_REQUIRE_CONSISTENT is 1

set -eu +x      # a trace would show the token
export LC_ALL=C # in which a-z are 26 letters
code=5          # for errors in the shell itself, which would often exit with 2
trap 'exit "$code"' EXIT
nl=$(printf '\n.')
nl=${nl%.}

# stop ends the gate with an exit code and prints the reason.
stop() {
  code=$1
  shift
  printf 'gate: %s\n' "$*" >&2
  exit "$code"
}

# plain requires a value without special characters of JSON, shells or URLs; number one without a sign or leading zeros.
plain() {
  case $2 in
    '' | *[!A-Za-z0-9._-]*) stop 5 "$1 must be set, and have only letters, digits, dots, hyphens and underscores" ;;
  esac
}
number() {
  case $2 in
    '' | 0* | *[!0-9]* | ???????*) stop 5 "$1 must be a whole number from 1 to 999999" ;;
  esac
}

# headers prints options for curl, which reads them from its standard input. On a command line or in an address other
# processes could see the token.
headers() {
  echo 'header = "Accept: application/json"'
  test -z "${PORTAL_TOKEN:-}" || printf 'header = "Authorization: Bearer %s"\n' "$PORTAL_TOKEN"
}

# send makes one request with a time limit in seconds and further arguments of curl. It sets head, body (the line of
# JSON) and status, which is 000 for a missing or incomplete answer.
send() {
  most=$1
  shift
  curled=0
  answer=$(headers | curl --config - --silent --show-error --include --max-time "$most" \
    --write-out "$nl%{http_code}" "$@") || curled=$?
  status=${answer##*"$nl"}
  answer=${answer%"$nl"*}
  head=${answer%%"$nl{"*}
  body=${answer#"$head"}
  body=${body#"$nl"}
  body=${body%"$nl"}
  case $curled in
    0) ;;
    5 | 6 | 7 | 16 | 18 | 28 | 35 | 52 | 55 | 56 | 92) status=000 body='' ;; # the network
    *) stop 5 "curl could not send a request to $PORTAL_URL; see its message above" ;;
  esac
}

# word sets value to the text of a member of body. A quote inside a JSON text is written \", so no text can look like a
# member.
word() {
  value=${body#*'"'"$1"'":"'}
  if [ "$value" = "$body" ]; then value=''; fi
  value=${value%%'"'*}
}

# found stores the id of the submission or batch in the answer, if there is one.
found() {
  word "$member"
  if [ -z "$value" ]; then word instance; fi
  value=${value##*/}
  case $value in
    '' | *[!a-z0-9-]* | "$id") return 0 ;;
  esac
  id=$value
  page=$pages/$id
  printf 'gate: %s\n' "$page"
}

# remains sets left to the remaining seconds, or ends the gate if the time is over.
remains() {
  left=$((end - $(date +%s)))
  if [ "$left" -gt 0 ]; then return 0; fi
  if [ -n "$page" ]; then stop 4 "timeout; the backup may continue, see $page"; fi
  stop 5 "timeout, and it is not known whether a backup was started; repeat the same run to check"
}

# pause waits as long as Retry-After of the answer says, or 5 seconds.
pause() {
  after=${head#*[Rr]etry-[Aa]fter: }
  case $after in
    "$head" | [!1-9]*) after=5 ;;
  esac
  after=${after%%[!0-9]*}
  remains
  if [ "${#after}" -gt 3 ] || [ "$after" -gt "$left" ]; then after=$left; fi
  sleep "$after"
}

# refuse ends the gate for an answer that a repeat would not change.
refuse() {
  printf 'gate: %s\n' "$body" >&2
  stop "$1" "the portal answered with status $status"
}

# ask sends the submission until the portal knows the result. All repeats have one key, so there is at most one backup. It
# sets outcome to refused if the submission was refused, and earlier to yes if the answer was stored before, which means
# that a previous start of the gate made the request.
ask() {
  id='' page='' outcome='' earlier=yes
  while :; do
    remains
    send 60 --header 'Content-Type: application/json' --header "Idempotency-Key: $key/$try" --data "$submission" \
      "$api"
    word type
    case $status/$value in
      200/ | 201/)
        if [ "$status" = 201 ]; then earlier=no; fi
        found
        if [ -z "$id" ]; then refuse 5; fi
        return 0
        ;;
      4??/*:refused | 502/*:refused)
        case $head in
          *[Ii]dempotent-[Rr]eplayed:*) ;;
          *) earlier=no ;;
        esac
        found
        printf 'gate: %s\n' "$body" >&2
        outcome=refused
        return 0
        ;;
      403/*:denied) refuse 1 ;;
      000/* | 202/* | 409/* | 429/* | 502/* | 503/* | 504/*) found ;;
      *) refuse 5 ;;
    esac
    earlier=no # what an answer repeats from now on may be this one
    pause
  done
}

# follow waits for the end of the backup, and sets outcome.
follow() {
  said=''
  while :; do
    remains
    wait=50
    if [ "$left" -lt "$wait" ]; then wait=$left; fi
    send "$((wait + 10))" "$api/$id?wait=${wait}s$brief"
    case $status in
      200)
        word Status
        if [ "$value" != "$said" ]; then printf 'gate: %s\n' "$value"; fi
        said=$value
        word Outcome
        outcome=$value
        case $outcome in
          succeeded | partial | failed | cancelled) return 0 ;;
        esac
        ;;
      000 | 429 | 502 | 503 | 504) ;;
      *) refuse 5 ;;
    esac
    pause
  done
}

# examine waits until the consistency of the backup is known, or of each backup of a batch. It sets outcome to inconsistent
# unless all are application-consistent.
examine() {
  every=$id
  if [ "$member" = BatchId ]; then
    get "$api/$id?limit=1000"
    every=$(printf '%s' "$body" | tr ',' '\n' | sed -n 's/.*"SubmissionId":"\([a-z0-9]*\)".*/\1/p')
  fi
  for one in $every; do
    while :; do
      get "$jobs/$one"
      word Consistency
      if [ "$value" != waiting ]; then break; fi
      pause
    done
    if [ "$value" != reached ]; then
      printf 'gate: the consistency is %s: %s\n' "${value:-not requested}" "$PORTAL_URL/backups/$one"
      outcome=inconsistent
    fi
  done
}

# get requests an address until the portal answers.
get() {
  while :; do
    remains
    send 60 "$1"
    case $status in
      200) return 0 ;;
      000 | 429 | 502 | 503 | 504) pause ;;
      *) refuse 5 ;;
    esac
  done
}

PORTAL_URL=${PORTAL_URL-}
PORTAL_URL=${PORTAL_URL%/}
case $PORTAL_URL in
  *[!A-Za-z0-9.:/_~%-]*) stop 5 "PORTAL_URL must be a URL without user, query and spaces" ;;
  https://?* | http://localhost:* | http://127.0.0.1:*) ;;
  *) stop 5 "PORTAL_URL must be set, and begin with https://" ;;
esac
case ${GATE_RUN-} in
  '' | *[!A-Za-z0-9._~:/%+=,@-]*) stop 5 "GATE_RUN must be set, and have only characters of a URL" ;;
esac
plain Account "${Account-}"
plain Region "${Region-}"
jobs=$PORTAL_URL/api/v1/backup-jobs
member=SubmissionId brief='' api=$jobs pages=$PORTAL_URL/backups
if [ -n "${Tag-}" ]; then
  if [ -n "${InstanceId-}" ]; then stop 5 "InstanceId or Tag must be set, not both"; fi
  case $Tag in
    *[[:cntrl:]]* | *[\"\\]*) stop 5 "Tag must not have quotes, backslashes, tabs or line breaks" ;;
  esac
  member=BatchId
  what="\"Tag\":\"$Tag\""
  name=tag/$(printf '%s' "$Tag" | cksum | tr ' ' -)
else
  case ${InstanceId-} in
    *' '*)
      member=BatchId
      targets=''
      set -f # no value is a pattern
      for one in $InstanceId; do
        plain InstanceId "$one"
        targets="$targets,\"$one\""
      done
      set +f
      what="\"Targets\":[${targets#,}]"
      name=$(printf '%s' "$targets" | cksum | tr ' ' -)
      ;;
    *)
      plain InstanceId "${InstanceId-}"
      what="\"InstanceId\":\"$InstanceId\""
      name=$InstanceId
      ;;
  esac
fi
if [ "$member" = BatchId ]; then
  brief='&limit=0' api=$PORTAL_URL/api/v1/backup-batches pages=$PORTAL_URL/api/v1/backup-batches
fi
preset=''
if [ -n "${Preset-}" ]; then
  plain Preset "$Preset"
  preset="\"Preset\":\"$Preset\","
fi
days=''
if [ -z "$preset" ] || [ -n "${Retention-}" ]; then
  number Retention "${Retention-}"
  days=",\"Retention\":$Retention"
fi
number GATE_TIMEOUT "${GATE_TIMEOUT:=3600}"

# The key contains the requested backup, so that several gates of one run can make different backups.
key=$GATE_RUN/$Account/$Region/$name/${Retention-}${Preset:+/$Preset}
if [ "${#key}" -gt 250 ]; then stop 5 "GATE_RUN is too long by $((${#key} - 250)) characters"; fi
submission=$(printf '{%s"Account":"%s","Region":"%s","SourceType":"UDM_ECS",%s%s}' \
  "$preset" "$Account" "$Region" "$what" "$days")
end=$(($(date +%s) + GATE_TIMEOUT))
try=0

while :; do
  try=$((try + 1))
  ask
  if [ -z "$outcome" ]; then follow; fi
  case $outcome/${GATE_ALLOW_PARTIAL-}/${GATE_REQUIRE_CONSISTENT-} in
    succeeded/*/1 | partial/1/1) examine ;;
  esac
  case $outcome/${GATE_ALLOW_PARTIAL-} in
    succeeded/*) stop 0 "the backup is complete" ;;
    partial/1) stop 0 "the backup is complete, but some items are missing, which GATE_ALLOW_PARTIAL allows" ;;
  esac
  if [ "$earlier" = no ] || [ "$try" -gt 9 ]; then break; fi
  printf 'gate: the result is from an earlier attempt of this run; starting another backup\n'
done
case $outcome in
  partial) stop 2 "some items are missing in the backup: $page" ;;
  cancelled) stop 3 "the backup was cancelled: $page" ;;
  refused) stop 1 "there is no backup, because Cloud Backup refused it: $page" ;;
  inconsistent) stop 6 "the backup is complete, but it is not application-consistent: $page" ;;
  failed) stop 1 "there is no backup, because it failed: $page" ;;
esac
