package main

import (
	"cmp"
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strings"
	"time"

	"backupportal/function/app"
	"backupportal/function/backup"
	"backupportal/function/identity"
	"backupportal/function/param"
	"backupportal/function/policy"
)

const diffUsage = `policy diff [-days N] [-people FILE] [-all] OLD NEW

Decides the requests of the history in the database at DATABASE_URL by two policies, and prints what would change. The
counters of rates, quotas and cool-downs are not replayed; limits of rules are compared.

The history has no groups and no addresses of people, and no tags of instances. A request whose answer depends on them is
"unclear" and says what would allow it. FILE gives claims of people, as CSV without a header: the subject (or
issuer#subject), the verified email address, then any number of groups.

The exit code is 0 if nothing changes, 1 if something changes or is unclear, and 2 if the input cannot be used.`

// errChanged is the error of "policy diff" if a decision changes or is unclear. The exit code is then 1.
var errChanged = errors.New("the new policy decides requests of the history differently")

// mostLines is the maximum number of groups of requests that are printed without -all.
const mostLines = 40

// diffTime is the time limit of the whole command.
const diffTime = 10 * time.Minute

// diffPolicies is the command "policy diff". The errors are errChanged, and a usageError if the input cannot be used.
func diffPolicies(args []string, env environment) error {
	return diffAt(args, env, time.Now())
}

// diffAt is diffPolicies at the time now. -days counts back from now.
func diffAt(args []string, env environment, now time.Time) error {
	flags := newFlags("policy diff", diffUsage, env.out)
	days := flags.Int("days", 30, "the `number` of days of the history")
	people := flags.String("people", "", "a CSV `file` with the claims of people")
	all := flags.Bool("all", false, fmt.Sprintf("print all groups of requests, not only the largest %d", mostLines))
	if err := parse(flags, args, 2); err != nil {
		return err
	}
	if flags.NArg() != 2 || *days < 1 {
		return usageError{errors.New("policy diff needs two policy files, and -days of at least 1; -h shows the usage")}
	}
	var rules [2]*policy.Policy
	for i := range rules {
		var err error
		if rules[i], err = app.LoadPolicy(flags.Arg(i), env.getenv); err != nil {
			return usageError{err}
		}
	}
	claims, err := readClaims(*people)
	if err != nil {
		return usageError{err}
	}
	db, closeStore, err := app.OpenDatabase(env.getenv)
	if err != nil {
		return usageError{err}
	}
	defer closeStore()
	ctx, cancel := context.WithTimeout(context.Background(), diffTime)
	defer cancel()
	d := difference{replay: policy.NewReplay(rules[0], rules[1]), claims: claims, groups: map[changeKey]*changeGroup{}, counts: map[policy.Change]int{}}
	from := now.AddDate(0, 0, -*days)
	if err := d.read(ctx, db, from); err != nil {
		return usageError{fmt.Errorf("DATABASE_URL: %w", err)}
	}
	most := mostLines
	if *all {
		most = len(d.groups)
	}
	return d.write(env.out, *days, most)
}

// A claim has the claims of one person that the history does not contain.
type claim struct {
	email  string // in lower case; empty if not known
	groups []string
}

// readClaims reads the CSV file of -people. The result maps a subject, or an issuer and a subject in the form of
// [identity.Principal.ID], to the claims of the person. It is nil if name is empty. A row without a subject is an
// error.
func readClaims(name string) (map[string]claim, error) {
	if name == "" {
		return nil, nil
	}
	file, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	rows := csv.NewReader(file)
	rows.FieldsPerRecord, rows.TrimLeadingSpace = -1, true
	all, err := rows.ReadAll()
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	claims := map[string]claim{}
	for i, row := range all {
		if row[0] == "" {
			return nil, fmt.Errorf("%s: row %d has no subject", name, i+1)
		}
		known := claim{}
		if len(row) > 1 {
			known.email, known.groups = strings.ToLower(row[1]), row[2:]
		}
		claims[row[0]] = known
	}
	return claims, nil
}

// A changeKey identifies a group of requests. Requests with equal keys are printed as one line.
type changeKey struct {
	change                               policy.Change
	who, account, region, source, reason string // who is the id of the principal, source the source type
}

// A changeGroup is the content of one printed line, in addition to its changeKey.
type changeGroup struct {
	number  int    // number of requests
	name    string // name of the sender
	example string // id of the newest submission
}

// A difference collects the changed decisions between two policies.
type difference struct {
	replay *policy.Replay
	claims map[string]claim           // by the keys of readClaims
	groups map[changeKey]*changeGroup // requests whose decision changes or is unclear
	counts map[policy.Change]int      // number of requests with each result
	total  int                        // requests
}

// pageOfHistory is the number of submissions that are read with one statement.
const pageOfHistory = 500

// A history lists submissions, the newest first.
type history interface {
	List(ctx context.Context, q backup.Query) ([]backup.Record, error)
}

// read adds all submissions of db that were made at or after from. The error is that of db.
func (d *difference) read(ctx context.Context, db history, from time.Time) error {
	q := backup.Query{From: from, Limit: pageOfHistory}
	for {
		page, err := db.List(ctx, q)
		if err != nil {
			return err
		}
		for _, r := range page {
			d.add(ctx, r)
		}
		if len(page) < q.Limit {
			return nil
		}
		last := page[len(page)-1].Place()
		q.Before = &last
	}
}

// add decides one submission by both policies, and counts the result.
func (d *difference) add(ctx context.Context, r backup.Record) {
	result := d.replay.Compare(ctx, d.past(r))
	d.total++
	d.counts[result.Change]++
	if result.Change == policy.Same {
		return
	}
	why := result.Why
	if result.Rule != "" && result.Change != policy.NowAllowed {
		why = "was allowed by rule " + result.Rule + "; " + why
	} else if result.Rule != "" {
		why = "rule " + result.Rule + " allows it; " + why
	}
	key := changeKey{result.Change, r.Principal.ID(), r.Account(), r.Region(), string(r.Complete.SourceType()), why}
	group := d.groups[key]
	if group == nil {
		group = &changeGroup{name: r.Principal.Name, example: r.SubmissionID}
		d.groups[key] = group
	}
	group.number++
}

// past returns the request of a submission. If the sender is a person, the request has the person's claims from
// -people, if there are any.
func (d *difference) past(r backup.Record) policy.Past {
	past := policy.Past{Door: r.Door, Who: r.Principal, Params: r.Params, Allowed: r.Denied == nil}
	if past.Params["Account"] == "" { // the alias came from CrossAccountUserId or from the policy
		past.Params = maps.Clone(past.Params)
		past.Params["Account"] = r.Complete["Account"]
	}
	known, ok := d.claims[r.Principal.ID()]
	if !ok {
		known, ok = d.claims[r.Principal.Subject]
	}
	if ok && r.Principal.Issuer != "" {
		past.Who.Kind, past.Who.Email, past.Who.Groups, past.Claims = identity.KindHuman, known.email, known.groups, true
	}
	return past
}

// write prints the counts and the first groups, at most most of them. The groups are in the order of
// [policy.Changes]; groups with the same change are in order of their size, the largest first. The error is
// errChanged if a decision changes or is unclear.
func (d *difference) write(out io.Writer, days, most int) error {
	fmt.Fprintf(out, "%d requests of the last %d days\n", d.total, days)
	for _, change := range policy.Changes {
		if n := d.counts[change]; n > 0 {
			fmt.Fprintf(out, "%8d  %s\n", n, change)
		}
	}
	keys := slices.SortedFunc(maps.Keys(d.groups), func(a, b changeKey) int {
		return cmp.Or(
			slices.Index(policy.Changes, a.change)-slices.Index(policy.Changes, b.change),
			d.groups[b].number-d.groups[a].number,
			strings.Compare(fmt.Sprint(a), fmt.Sprint(b)),
		)
	})
	var last policy.Change
	for i, key := range keys {
		if i == most {
			fmt.Fprintf(out, "\nand %d more groups; -all prints them\n", len(keys)-most)
			break
		}
		if key.change != last {
			fmt.Fprintf(out, "\n%s\n", key.change)
		}
		last = key.change
		group := d.groups[key]
		who := param.Clean(group.name, 60)
		if who != key.who {
			who = strings.TrimSpace(who + " (" + param.Clean(key.who, 120) + ")")
		}
		fmt.Fprintf(out, "%8d  %s, %s %s %s: %s; such as %s\n", group.number, who,
			param.Clean(key.account, 60), param.Clean(key.region, 60), key.source, key.reason, group.example)
	}
	if d.counts[policy.Same] == d.total {
		return nil
	}
	return errChanged
}
