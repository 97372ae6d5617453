package precheck

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"backupportal/function/backup"
	"backupportal/function/param"
)

// An answer is the result of one question to the cloud. The zero value means that the question
// was not asked.
type answer[T any] struct {
	value T
	err   error
	asked bool
	late  bool // the question failed because the time for all questions had ended
}

// A survey holds the cloud's answers for one request.
type survey struct {
	at       time.Time // when the cloud was asked
	tooOften bool      // nothing was asked: the principal has asked too often

	roles                   answer[struct{}]
	instance, client, vault answer[[]backup.Candidate]
	disks, cluster, volumes answer[[]backup.Candidate]
	jobs                    answer[[]backup.Job] // jobs of the instance, newest first
}

// jobsSince is the maximum age of jobs that are read from the cloud's list.
const jobsSince = 30 * 24 * time.Hour

// ask asks the cloud, in parallel, all questions that matter for the call. It returns when all
// are answered or ctx ends. In an account with the access hbr_cross_account the portal has no
// role, so ask asks nothing about resources there.
func ask(ctx context.Context, cloud backup.Cloud, call backup.Call, now time.Time) survey {
	s := survey{at: now}
	var wg sync.WaitGroup
	p, target, source := call.Params, call.Target, call.Params.SourceType()
	list := func(to *answer[[]backup.Candidate], q backup.CandidateQuery) {
		question(ctx, &wg, to, func() ([]backup.Candidate, error) { return pages(ctx, cloud, target, q) })
	}
	question(ctx, &wg, &s.roles, func() (none struct{}, err error) { return none, cloud.CheckRoles(ctx, target, source) })
	if id := p["VaultId"]; id != "" && source != param.UDMECS {
		list(&s.vault, backup.CandidateQuery{Kind: backup.Vaults, Search: id, Unfit: true})
	}
	if source != param.Container {
		question(ctx, &wg, &s.jobs, func() ([]backup.Job, error) {
			return cloud.DescribeBackupJobs2(ctx, target, backup.JobFilter{
				SourceType: source, InstanceID: p["InstanceId"], Since: now.Add(-jobsSince),
			})
		})
	}
	if target.Account.Access != backup.HBRCrossAccount {
		switch source {
		case param.UDMECS:
			list(&s.instance, backup.CandidateQuery{Kind: backup.Instances, Search: p["InstanceId"]})
			list(&s.disks, backup.CandidateQuery{Kind: backup.Disks, InstanceID: p["InstanceId"]})
		case param.ECSFile:
			list(&s.instance, backup.CandidateQuery{Kind: backup.Instances, Search: p["InstanceId"]})
			list(&s.client, backup.CandidateQuery{Kind: backup.Clients, InstanceID: p["InstanceId"]})
		case param.Container:
			list(&s.cluster, backup.CandidateQuery{Kind: backup.Clusters, Search: p["ContainerClusterId"]})
			list(&s.volumes, backup.CandidateQuery{Kind: backup.Volumes, ClusterID: p["ContainerClusterId"]})
		}
	}
	wg.Wait()
	return s
}

// question calls ask in a goroutine of wg and stores the result in *to. The caller must wait
// for wg before it reads *to.
func question[T any](ctx context.Context, wg *sync.WaitGroup, to *answer[T], ask func() (T, error)) {
	wg.Go(func() {
		value, err := ask()
		*to = answer[T]{value: value, err: err, asked: true, late: err != nil && errors.Is(ctx.Err(), context.DeadlineExceeded)}
	})
}

// maxListPages is the maximum number of pages of one list that are read.
const maxListPages = 10

// errLongList means that a list has more than maxListPages pages.
var errLongList = errors.New("the list is too long")

// pages returns the items of all pages of a list. Errors: errLongList, and those of cloud.List.
func pages(ctx context.Context, cloud backup.Cloud, target backup.Target, q backup.CandidateQuery) ([]backup.Candidate, error) {
	var all []backup.Candidate
	for range maxListPages {
		page, err := cloud.List(ctx, target, q)
		if err != nil {
			return nil, err
		}
		all = append(all, page.Items...)
		if page.Next == "" {
			return all, nil
		}
		q.Next = page.Next
	}
	return nil, errLongList
}

// complete reports whether the cloud answered every question that was asked. Only then the
// answers are cached.
func (s survey) complete() bool {
	return !slices.ContainsFunc(s.errs(), func(err error) bool { return err != nil })
}

// errs returns the error of each question, or nil for one that was answered or not asked.
func (s survey) errs() []error {
	return []error{
		s.roles.err, s.instance.err, s.client.err, s.vault.err,
		s.disks.err, s.cluster.err, s.volumes.err, s.jobs.err,
	}
}

// find returns the candidate with the given id, and whether there is one.
func find(all []backup.Candidate, id string) (backup.Candidate, bool) {
	for _, c := range all {
		if c.ID == id {
			return c, true
		}
	}
	return backup.Candidate{}, false
}

// gib reads a size such as "40 GiB" of a disk, or "8Gi" of a volume, and rounds it up to GiB. It
// returns 0 for any other text.
func gib(text string) int64 {
	digits := strings.TrimRight(text, "KMGTiB ")
	n, err := strconv.ParseInt(digits, 10, 64)
	if err != nil || n < 0 || n > 1<<40 {
		return 0
	}
	switch strings.TrimSuffix(strings.TrimSpace(text[len(digits):]), "B") {
	case "Ki":
		return (n + 1<<20 - 1) >> 20
	case "Mi":
		return (n + 1<<10 - 1) >> 10
	case "Gi":
		return n
	case "Ti":
		return n << 10
	}
	return 0
}
