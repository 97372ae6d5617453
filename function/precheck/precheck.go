// Package precheck asks the cloud whether a backup can succeed before it starts.
//
// A check has two parts:
//
//	survey (survey.go)   asks the cloud all questions in parallel, for at most three seconds
//	judge (judge.go)     turns the answers into findings; it makes no call
//
// A check returns its findings in this order:
//
//	kind         meaning                                             can the backup start?
//	change       the cloud would refuse it, until Param is changed   no
//	wait         a limit is reached, until a stated time             no
//	warning      the backup may fail, or may not be needed           yes
//	not checked  no answer in time, or no permission to ask          yes
//	ok           nothing is wrong                                    yes
//
// The answers of the cloud are cached for a minute if all questions were answered. The limits and
// the history are always read from the store.
package precheck

import (
	"context"
	"maps"
	"slices"
	"time"

	"backupportal/function/backup"
	"backupportal/function/cache"
	"backupportal/function/lenhash"
	"backupportal/function/param"
)

// A Kind says what a finding means for the backup: whether it can start, and why not.
type Kind string

// The kinds of findings, in the order in which they are shown.
const (
	Change     Kind = "change"
	Wait       Kind = "wait"
	Warning    Kind = "warning"
	NotChecked Kind = "not_checked"
	OK         Kind = "ok"
)

// Kinds lists all kinds in their order.
var Kinds = []Kind{Change, Wait, Warning, NotChecked, OK}

// A Finding is the result of one check, for a person who is about to start a backup.
type Finding struct {
	ID    string // the subject of the check, such as "instance", "disks" or "vault"; the same in every version
	Kind  Kind
	Param string // the parameter to change; only with Change

	Title, Text param.Text // Text may be empty

	Until      time.Time // for kind Wait: when the backup can start; zero if that is not known
	Submission string    // id of a submission that the finding is about; empty for none
}

// A Result has the findings of all checks of one request.
type Result struct {
	At       time.Time // when the cloud was asked
	Findings []Finding // in the order of [Kinds]
	Machine  Machine   // without an answer of the cloud it has only what the request says
}

// A Machine is the instance or the cluster that a backup reads, with the values of the cloud's
// lists.
type Machine struct {
	ID, Name string
	GiB      int64 // size of the chosen disks or volumes; 0 if it is not known
	Parts    int   // number of the chosen disks or volumes
}

// Blocked reports whether the backup cannot start now.
func (r Result) Blocked() bool { return r.Count(Change)+r.Count(Wait) > 0 }

// Count returns the number of findings of a kind.
func (r Result) Count(k Kind) (n int) {
	for _, f := range r.Findings {
		if f.Kind == k {
			n++
		}
	}
	return n
}

// ToChange returns the parameter that the first finding of kind Change is about, or "" if there
// is no such finding.
func (r Result) ToChange() string {
	for _, f := range r.Findings {
		if f.Kind == Change {
			return f.Param
		}
	}
	return ""
}

// Patience is the usual time limit of all questions to the cloud together.
const Patience = 3 * time.Second

// Times and limits.
const (
	keptFor = time.Minute // how long complete answers are used again
	maxKept = 512         // surveys in the cache
)

// A Checker checks requests. It is safe for concurrent use.
type Checker struct {
	backups  *backup.Service
	patience time.Duration        // limit of all questions to the cloud together
	kept     *cache.Cache[survey] // cached answers, by the result of key
}

// New returns a checker that uses the cloud, the policy and the store of s. It waits for answers of the
// cloud for at most patience, usually [Patience].
func New(s *backup.Service, patience time.Duration) *Checker {
	return &Checker{backups: s, patience: patience, kept: cache.New[survey](maxKept, s.Now)}
}

// Check runs all checks for a call that [backup.Service.Prepare] has allowed, and returns their
// findings. It has no error: a check without an answer is a finding of kind [NotChecked]. It
// calls the cloud in the name of the call's principal, and shows no submission that this
// principal may not view.
func (c *Checker) Check(ctx context.Context, call backup.Call) Result {
	at := c.backups.Now()
	asked, err := c.kept.Get(ctx, key(call), func(ctx context.Context) (survey, time.Time, error) {
		if c.backups.CountLookup(ctx, call.Target.Principal) != nil {
			return survey{at: at, tooOften: true}, time.Time{}, nil
		}
		limited, cancel := context.WithTimeout(ctx, c.patience)
		defer cancel()
		found := ask(limited, c.backups.Cloud, call, at)
		if !found.complete() {
			return found, time.Time{}, nil
		}
		return found, at.Add(keptFor), nil
	})
	if err != nil {
		asked = survey{at: at} // ctx has ended, so no person waits for the result
	}
	j := &judge{call: call, patience: c.patience, survey: asked, now: at, explain: c.backups.Explain}
	j.limits, j.limitsErr = c.backups.Usage(ctx, call)
	j.history, j.historyErr = c.history(ctx, call)
	findings := j.findings()
	slices.SortStableFunc(findings, func(a, b Finding) int {
		return slices.Index(Kinds, a.Kind) - slices.Index(Kinds, b.Kind)
	})
	return Result{At: asked.at, Findings: findings, Machine: j.machine()}
}

// historyLength is how many earlier submissions of the resource are read.
const historyLength = 20

// history returns the last submissions of the resource that the principal may view, newest first.
func (c *Checker) history(ctx context.Context, call backup.Call) ([]backup.Record, error) {
	page, err := c.backups.List(ctx, call.Target.Principal, backup.Query{
		Account: call.Target.Account.Alias, Resource: resource(call), Limit: historyLength,
	})
	return page.Records, err
}

// resource returns the id of the instance or the cluster that the call backs up.
func resource(call backup.Call) string {
	if id := call.Params["InstanceId"]; id != "" {
		return id
	}
	return call.Params["ContainerClusterId"]
}

// key returns the cache key of a call. It contains the principal: answers for one principal are
// not shown to another.
func key(call backup.Call) string {
	texts := []string{call.Target.Principal.ID(), call.Target.Account.Alias, call.Target.Region}
	for _, name := range slices.Sorted(maps.Keys(call.Params)) {
		if name != "JobName" { // differs for each submission and decides nothing
			texts = append(texts, name, call.Params[name])
		}
	}
	sum := lenhash.Sum(texts...)
	return string(sum[:])
}
