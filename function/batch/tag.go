package batch

import (
	"context"
	"errors"
	"strings"

	"backupportal/function/backup"
	"backupportal/function/identity"
	"backupportal/function/param"
)

// A Finder finds the instances with a tag. inventory.Tags implements it.
type Finder interface {
	// Tagged returns the instances with a tag that p may back up, each with its account, region and id. account and
	// region limit the search; empty means all.
	Tagged(ctx context.Context, p identity.Principal, tag, account, region string) Found
}

// Found is the result of a search by tag.
type Found struct {
	Targets []param.Params
	Closed  []string // aliases of the accounts that do not let the portal list their instances
	Missing []string // aliases of the accounts that could not be listed for another reason
}

// MaxTag is the longest [Request.Tag], in bytes.
const MaxTag = 300

// resolve returns r with the instances that have its tag as targets. It returns r unchanged if r has no tag. The
// values of a preset limit the search too. The errors are a [param.InvalidError], also if no instance has the tag or
// if an account does not let the portal list its instances, and [backup.ErrNotListed], after which the same request
// can succeed later.
func (s *Service) resolve(ctx context.Context, r Request) (Request, error) {
	if r.Tag == "" {
		return r, nil
	}
	bad := append(r.mistakes(), r.tagMistakes()...)
	if len(r.Targets) > 0 {
		bad = append(bad, param.Mistake{Field: "Tag", Code: "together", Text: msgTagAndTargets})
	}
	common := r.Common
	if common["Preset"] != "" {
		all, err := backup.WithPreset(s.Backups.Policy.Presets(r.Principal), common)
		invalid, isInvalid := errors.AsType[param.InvalidError](err)
		if err != nil && !isInvalid {
			return r, err
		}
		bad, common = append(bad, invalid...), all
	}
	if common.SourceType() == param.Container {
		bad = append(bad, param.Mistake{Field: "Tag", Code: "source", Text: msgTagSource})
	}
	if len(bad) > 0 {
		return r, param.InvalidError(bad)
	}
	if s.Finder == nil {
		return r, backup.ErrNotListed
	}
	found := s.Finder.Tagged(ctx, r.Principal, r.Tag, common["Account"], common["Region"])
	switch {
	case len(found.Missing) > 0:
		return r, backup.ErrNotListed
	case len(found.Closed) > 0:
		bad = append(bad, param.Mistake{
			Field: "Tag", Code: "closed", Text: msgTagClosed, Args: []any{strings.Join(found.Closed, ", ")},
		})
	case len(found.Targets) == 0:
		bad = append(bad, param.Mistake{Field: "Tag", Code: "none", Text: msgTagNone, Args: []any{r.Tag}})
	}
	if len(bad) > 0 {
		return r, param.InvalidError(bad)
	}
	r.Targets = found.Targets
	return r, nil
}

// tagMistakes returns the mistakes in the tag of a request.
func (r Request) tagMistakes() []param.Mistake {
	key, _, _ := strings.Cut(r.Tag, "=")
	if strings.TrimSpace(key) == "" || len(r.Tag) > MaxTag || param.Clean(r.Tag, MaxTag) != r.Tag {
		return []param.Mistake{{Field: "Tag", Code: "pattern", Text: msgTag, Args: []any{param.Count(MaxTag)}}}
	}
	return nil
}

// Messages about tags.
var (
	msgTag       = param.Both("Tag must be a key, or a key, = and a value, of at most %v bytes", "Tag 必须是键，或“键=值”，且不超过 %v 字节")
	msgTagSource = param.Both("a tag selects instances, not clusters: name the clusters in Targets", "标签只能选择实例，不能选择集群：请在 Targets 中列出集群")
	msgTagNone   = param.Both("no instance that the sender may back up has the tag %v", "发送者可备份的实例中没有带标签 %v 的")
	msgTagClosed = param.Both("the instances of %v cannot be listed: the portal lacks the permission there; limit the search by Account and Region",
		"无法列出 %v 的实例：门户在该处没有权限；请用 Account 和 Region 限定范围")
	msgTagAndTargets = param.Both("give Targets or Tag, not both", "Targets 与 Tag 只能给出一个")
)
