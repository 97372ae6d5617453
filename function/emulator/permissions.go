package emulator

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
)

// A Statement allows or denies actions, like one of a RAM policy. Actions and
// Resources may contain "*" for any text. No Resources means "*".
type Statement struct {
	Effect    string   `yaml:"effect"` // Allow or Deny
	Actions   []string `yaml:"actions"`
	Resources []string `yaml:"resources"`

	// conditional marks a Condition, which this emulator does not evaluate: an
	// Allow with one never holds, a Deny with one always does.
	conditional bool
}

// allows reports whether some statement allows an action on a resource and
// none denies it. No statements allow nothing.
func allows(statements []Statement, action, resource string) bool {
	allowed := false
	for _, s := range statements {
		if !s.covers(action, resource) {
			continue
		}
		if s.Effect == "Deny" {
			return false
		}
		allowed = allowed || !s.conditional
	}
	return allowed
}

// covers reports whether a statement speaks of an action on a resource, whatever
// its effect.
func (s Statement) covers(action, resource string) bool {
	if !matchesAny(s.Actions, action) {
		return false
	}
	return len(s.Resources) == 0 || matchesAny(s.Resources, resource)
}

func matchesAny(patterns []string, text string) bool {
	for _, p := range patterns {
		if matches(p, text) {
			return true
		}
	}
	return false
}

// matches compares the whole text, "*" standing for any run of characters. The
// shortest run that fits is always right, so nothing is tried twice: patterns
// come from clients.
func matches(pattern, text string) bool {
	head, rest, wild := strings.Cut(pattern, "*")
	text, ok := strings.CutPrefix(text, head)
	if !ok || !wild {
		return ok && text == ""
	}
	for {
		part, more, wild := strings.Cut(rest, "*")
		if !wild {
			return strings.HasSuffix(text, part)
		}
		at := strings.Index(text, part)
		if at < 0 {
			return false
		}
		text, rest = text[at+len(part):], more
	}
}

// oneOrMany is a JSON text or an array of texts, as RAM policies have it.
type oneOrMany []string

// UnmarshalJSON takes either form.
func (l *oneOrMany) UnmarshalJSON(b []byte) error {
	var one string
	if json.Unmarshal(b, &one) == nil {
		*l = []string{one}
		return nil
	}
	return json.Unmarshal(b, (*[]string)(l))
}

// parsePolicy reads the JSON text of a RAM policy. What this emulator cannot
// enforce (NotAction, NotResource, Principal) is an error, never passed over.
func parsePolicy(text string) ([]Statement, error) {
	var doc struct {
		Version   string
		Statement []struct {
			Effect           string
			Action, Resource oneOrMany
			Condition        map[string]json.RawMessage
		}
	}
	dec := json.NewDecoder(strings.NewReader(text))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&doc); err != nil {
		return nil, err
	}
	if dec.More() {
		return nil, errors.New("text after the policy")
	}
	if doc.Version != "1" || len(doc.Statement) == 0 {
		return nil, errors.New("a policy has Version 1 and at least one Statement")
	}
	var statements []Statement
	for _, s := range doc.Statement {
		st := Statement{Effect: s.Effect, Actions: s.Action, Resources: s.Resource, conditional: len(s.Condition) > 0}
		if err := st.check(); err != nil {
			return nil, err
		}
		if len(s.Resource) == 0 {
			return nil, errors.New("a statement of a policy has a Resource")
		}
		statements = append(statements, st)
	}
	return statements, nil
}

// check says why a statement means nothing. Effects and actions are spelt as RAM
// spells them, case included.
func (s Statement) check() error {
	if s.Effect != "Allow" && s.Effect != "Deny" {
		return fmt.Errorf("effect %q is neither Allow nor Deny", s.Effect)
	}
	if len(s.Actions) == 0 {
		return errors.New("a statement has at least one action")
	}
	for _, a := range s.Actions {
		if a != "*" && !strings.Contains(a, ":") {
			return fmt.Errorf("action %q is not of the form product:Operation", a)
		}
	}
	return nil
}
