package batch

import (
	"cmp"
	"context"
	"encoding/base32"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"backupportal/function/backup"
	"backupportal/function/identity"
	"backupportal/function/jsontext"
	"backupportal/function/lenhash"
	"backupportal/function/param"
)

// Request asks for many backups as one batch.
type Request struct {
	Door      backup.Door
	Principal identity.Principal
	Key       string // idempotency key of the batch
	// ByContent says that the sender gave no key, so Key is a hash of the content, and Retry that the platform
	// marked the message as a repeat: see [backup.Submission].
	ByContent, Retry bool
	Common           param.Params   // parameters of every item
	Targets          []param.Params // parameters of each item, which win over Common
	// Tag selects the targets in place of Targets: the instances with this tag that the sender may back up. It is key=value, or
	// a key alone. The account and the region of Common limit them. The tag is resolved once, when the batch is created.
	Tag string
	// Places says where each target was written, such as "line 3", for messages about mistakes. Nil:
	// the messages have only the number of the target. Otherwise it has one entry for each target.
	Places  []param.Text
	Options Options
	// LeftOut is how many targets the sender left out after a check, for the records of the creation.
	LeftOut int

	use int // number of the use of the key, from 2; 0 for the first use: see [Service.use]
}

// ID returns the id of the batch: 26 characters, a hash of its door, principal and key. If an expired key is used
// again, a hyphen and the number of the use follow.
func (r Request) ID() string {
	sum := lenhash.Sum("portal/batch/v1", string(r.Door), r.Principal.ID(), r.Key)
	id := strings.ToLower(base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString(sum[:16]))
	if r.use > 0 {
		id += "-" + strconv.Itoa(r.use)
	}
	return id
}

// itemsKey returns the key from which those of the items are made. It differs for each use of Key. No sender can choose the
// addition, because it contains a NUL.
func (r Request) itemsKey() string {
	if r.use > 0 {
		return r.Key + "\x00use\x00" + strconv.Itoa(r.use)
	}
	return r.Key
}

// fingerprint returns the SHA-256 of the parameters and the options, in hexadecimal, without the
// reasons and tickets: see [backup.Submission.Fingerprint]. With a tag it does not depend on the targets.
func (r Request) fingerprint() string {
	parts := []string{"portal/batch-content/v1", jsontext.Must(r.Options)}
	if r.Tag != "" {
		parts = append(parts, "tag", r.Tag, backup.Submission{Params: r.Common}.Fingerprint())
	}
	for n := range r.Targets {
		if r.Tag == "" {
			parts = append(parts, r.submission(n).Fingerprint())
		}
	}
	sum := lenhash.Sum(parts...)
	return hex.EncodeToString(sum[:])
}

// submission returns item n as a submission.
func (r Request) submission(n int) backup.Submission {
	return submissionOf(r.Door, r.Principal, r.itemsKey(), n, merged(r.Common, r.Targets[n]))
}

// submissionOf returns an item as a submission. The whole batch counts as one request, so its items do not count as
// requests. Each call of Submit makes one attempt, because the pace of the batch says when the next attempt begins.
func submissionOf(door backup.Door, p identity.Principal, key string, n int, params param.Params) backup.Submission {
	return backup.Submission{Door: door, Principal: p, Key: itemKey(key, n), Params: params, OneAttempt: true}
}

// itemKey returns the idempotency key of item n of the batch with a key. Different pairs have
// different keys, and no sender can choose such a key itself, because it begins with NUL.
func itemKey(key string, n int) string {
	return fmt.Sprintf("\x00batch\x00%d:%s%d", len(key), key, n)
}

// resourceOf returns the id of the instance or the cluster that p names.
func resourceOf(p param.Params) string { return cmp.Or(p["InstanceId"], p["ContainerClusterId"]) }

// merged returns common with the values of own, which win. An empty value counts as not given.
func merged(common, own param.Params) param.Params {
	all := maps.Clone(common)
	if all == nil {
		all = param.Params{}
	}
	for name, value := range own {
		if value != "" {
			all[name] = value
		}
	}
	return all
}

// Plan is what a batch would do.
type Plan struct {
	ID      string // id of the batch
	Items   []Decision
	Allowed int // items that would be started
	Refused int // items that the policy refuses
}

// Decision is the decision of the policy about one item.
type Decision struct {
	N            int
	SubmissionID string          // id of the submission that the item will have
	Resource     string          // id of the instance or the cluster
	Rule         string          // id of the rule that allows the item; empty for a refused one
	Denied       []param.Mistake // why the policy refuses it; nil for an allowed item
}

// Check returns the decision about each item of r. It starts and stores nothing. The cloud is asked
// only for the tags of instances, if the policy or r names tags.
//
// The errors are a [param.InvalidError] with the mistakes of all items and options, a
// [*backup.DeniedError] if no item is allowed, or if one is refused and [Options.OnRefused] is
// [RefusedStop], and [backup.ErrNotListed].
func (s *Service) Check(ctx context.Context, r Request) (Plan, error) {
	r, err := s.resolve(ctx, r)
	if err != nil {
		return Plan{}, err
	}
	return s.check(ctx, r)
}

// check is Check for a request whose tag is resolved.
func (s *Service) check(ctx context.Context, r Request) (Plan, error) {
	bad := r.mistakes()
	if len(r.Targets) == 0 || len(r.Targets) > MaxTargets {
		return Plan{}, param.InvalidError(bad)
	}
	plan := Plan{ID: r.ID(), Items: make([]Decision, len(r.Targets))}
	reported := map[string]bool{}
	first := map[string]int{} // item with a fingerprint
	for n := range r.Targets {
		if n%prefetchAtOnce == 0 {
			s.prefetch(ctx, r, n)
		}
		sub := r.submission(n)
		call, err := s.Backups.Decide(ctx, sub)
		d := Decision{N: n, SubmissionID: sub.ID(), Resource: resourceOf(sub.Params), Rule: call.Grant.Rule}
		invalid, isInvalid := errors.AsType[param.InvalidError](err)
		denied, isDenied := errors.AsType[*backup.DeniedError](err)
		switch {
		case isInvalid:
			bad = append(bad, r.placed(n, invalid, reported)...)
		case isDenied:
			d.Denied, d.Rule = denied.Lines, ""
			plan.Refused++
		case err != nil:
			return Plan{}, err
		default:
			plan.Allowed++
		}
		if other, repeated := first[sub.Fingerprint()]; repeated {
			bad = append(bad, param.Mistake{
				Field: fmt.Sprintf("Targets.%d", n), Code: "twice", Text: msgTwice, Args: []any{r.place(n), r.place(other)},
			})
		} else {
			first[sub.Fingerprint()] = n
		}
		plan.Items[n] = d
	}
	switch {
	case len(bad) > 0:
		return Plan{}, param.InvalidError(param.Bounded(bad))
	case plan.Allowed == 0, plan.Refused > 0 && r.Options.OnRefused == RefusedStop:
		return plan, &backup.DeniedError{Lines: plan.denials(r)}
	}
	return plan, nil
}

// mistakes returns the mistakes in the options and in the number of targets.
func (r Request) mistakes() []param.Mistake {
	bad := r.Options.mistakes()
	if r.Common["Notify"] != "" || slices.ContainsFunc(r.Targets, func(own param.Params) bool { return own["Notify"] != "" }) {
		bad = append(bad, param.Mistake{Field: "Notify", Code: "unused", Text: msgNotify})
	}
	switch n := len(r.Targets); {
	case n == 0 && r.Tag != "":
		// It is not resolved yet.
	case n == 0:
		bad = append(bad, param.Mistake{Field: "Targets", Code: "required", Text: msgNoTargets})
	case n > MaxTargets:
		bad = append(bad, param.Mistake{
			Field: "Targets", Code: "count", Text: msgTooMany,
			Args: []any{param.Count(n), param.Count(MaxTargets), param.Count(n - MaxTargets)},
		})
	case r.Options.FirstBatch > n:
		bad = append(bad, param.Mistake{
			Field: "FirstBatch", Code: "between", Text: msgBetween, Args: []any{"FirstBatch", 0, param.Count(n)},
		})
	}
	return bad
}

// placed returns the mistakes of item n, with the place of the item. A mistake in a value that the
// item has from Common is reported once for the whole batch; reported has those that were.
func (r Request) placed(n int, mistakes []param.Mistake, reported map[string]bool) (all []param.Mistake) {
	for _, m := range mistakes {
		if r.Targets[n][m.Field] == "" && (r.Common[m.Field] != "" || m.Field == "Preset") {
			if id := m.Field + " " + m.Part + " " + m.Code; !reported[id] {
				reported[id] = true
				all = append(all, m)
			}
			continue
		}
		m.Args = []any{r.place(n), param.Both(m.In(param.English), m.In(param.Chinese))}
		m.Text = msgTarget
		m.Field, m.Part = strings.TrimSuffix(fmt.Sprintf("Targets.%d.%s", n, m.Field), "."), ""
		all = append(all, m)
	}
	return all
}

// place returns the words for target n: its number from 1, and where it was written.
func (r Request) place(n int) param.Text {
	number := strconv.Itoa(n + 1)
	if n >= len(r.Places) {
		return param.Both("target "+number, "第 "+number+" 个目标")
	}
	at := r.Places[n]
	return param.Both("target "+number+" ("+at.En+")", "第 "+number+" 个目标（"+at.Zh+"）")
}

// denials returns the reasons of the policy for all refused items, with their places.
func (p Plan) denials(r Request) (lines []param.Mistake) {
	for _, d := range p.Items {
		for _, m := range d.Denied {
			m.Args = []any{r.place(d.N), param.Both(m.In(param.English), m.In(param.Chinese))}
			m.Text = msgTarget
			m.Field = strings.TrimSuffix(fmt.Sprintf("Targets.%d.%s", d.N, m.Field), ".")
			lines = append(lines, m)
		}
		if len(lines) > param.MaxMistakes {
			break
		}
	}
	return param.Bounded(lines)
}

// prefetchAtOnce is how many items share one request for tags.
const prefetchAtOnce = 100

// prefetch reads the tags that the decisions about prefetchAtOnce items need, from item n on.
func (s *Service) prefetch(ctx context.Context, r Request, n int) {
	var all []param.Params
	for _, own := range r.Targets[n:min(n+prefetchAtOnce, len(r.Targets))] {
		all = append(all, merged(r.Common, own))
	}
	s.Backups.Policy.PrefetchTags(ctx, r.Principal, backup.ActionCreate, all)
}

// Messages about mistakes in a batch.
var (
	msgNotify    = param.Both("a batch cannot have Notify: its items would send a message each", "批次不能使用 Notify：其中每项都会发送一条消息")
	msgNoTargets = param.Both("Targets must have at least one target", "Targets 至少要有一个目标")
	msgTooMany   = param.Both("there are %v targets; a batch can have %v: remove %v", "共有 %v 个目标，而一个批次最多 %v 个：请去掉 %v 个")
	msgTwice     = param.Both("%v is the same backup as %v: remove one of them", "%v与%v是同一备份：请去掉其中一个")
	msgTarget    = param.Both("%v: %v", "%v：%v")
)
