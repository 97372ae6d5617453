// Package ram decides what RAM policies allow.
//
// A [Policy] is a list of statements. [Evaluate] asks the policies of one type a
// [Question] about one call, an action on a resource with the condition keys of
// the call:
//
//	a Deny covers the question             ExplicitDeny
//	otherwise, an Allow covers it          Allowed
//	otherwise                              ImplicitDeny
//
// A statement covers a question if its action, its resource and all of its
// conditions fit. How the answers of several types of policies are put together
// is for the caller.
package ram

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"backupportal/function/emulator/plainjson"
)

// A Policy is a RAM policy document: the JSON of "Policy structure and syntax",
// Version "1". JSON is YAML, so a world file takes a document as it is.
type Policy []Statement

// A Statement allows or denies actions, like one of a RAM policy.
type Statement struct {
	Effect     string   `yaml:"effect"`      // Allow or Deny
	Actions    []string `yaml:"actions"`     // product:Operation; "*" is any text, "?" any character
	NotActions []string `yaml:"not_actions"` // in place of Actions: all but these
	Resources  []string `yaml:"resources"`   // none means "*"

	// Conditions are operators ("Conditional operators"), keys and values. All
	// operators and keys must hold, each for one of its values.
	Conditions Conditions `yaml:"conditions"`

	// Principals stand in trust policies only.
	Principals Principals `yaml:"-"`
}

// Principals are whom a trust policy lets in: ARNs, and services of the vendor.
// A Federated principal is accepted, and nobody here is one.
type Principals struct {
	RAM, Service, Federated []string
}

// empty is true of every statement that is not in a trust policy.
func (p Principals) empty() bool { return len(p.RAM)+len(p.Service)+len(p.Federated) == 0 }

// Conditions are values by operator and key, as in
// {"StringEquals": {"sts:ExternalId": ["open-sesame"]}}.
type Conditions map[string]map[string]Values

// Values are texts. In a file one of them need not be a list, and numbers and
// booleans count as their text.
type Values []string

// UnmarshalYAML takes a scalar or a list of scalars.
func (v *Values) UnmarshalYAML(n *yaml.Node) error {
	if n.Kind == yaml.ScalarNode {
		*v = Values{n.Value}
		return nil
	}
	return n.Decode((*[]string)(v))
}

// UnmarshalYAML reads a document through its JSON, so that there is one parser.
func (p *Policy) UnmarshalYAML(n *yaml.Node) error {
	var doc any
	if err := n.Decode(&doc); err != nil {
		return err
	}
	// YAML's own decoder has refused repeated keys by now.
	text, err := json.Marshal(doc)
	if err != nil {
		return err
	}
	*p, err = ParsePolicy(string(text))
	return err
}

// ParsePolicy reads the JSON text of a policy. What this emulator cannot
// enforce, like NotResource, is an error, never passed over.
func ParsePolicy(text string) (Policy, error) {
	doc, err := plainjson.Object(text)
	if err != nil {
		return nil, err
	}
	if err := onlyKeys(doc, "Version", "Statement"); err != nil {
		return nil, err
	}
	// RAM's grammar has a list; the console takes a single statement as well.
	var list []json.RawMessage
	if err := json.Unmarshal(doc["Statement"], &list); err != nil {
		list = []json.RawMessage{doc["Statement"]}
	}
	if version, _ := plainjson.String(doc["Version"]); version != "1" || len(list) == 0 {
		return nil, errors.New("a policy has Version 1 and at least one Statement")
	}
	var p Policy
	for _, raw := range list {
		s, err := parseStatement(string(raw))
		if err != nil {
			return nil, err
		}
		p = append(p, s)
	}
	return p, nil
}

// parseStatement reads one statement. A Resource is needed in policies of
// identities only, and a Principal tells that a statement is not in one.
func parseStatement(text string) (s Statement, err error) {
	object, err := plainjson.Object(text)
	if err != nil {
		return s, fmt.Errorf("a statement: %w", err)
	}
	if err := onlyKeys(object, "Effect", "Action", "NotAction", "Resource", "Condition", "Principal"); err != nil {
		return s, err
	}
	s.Effect, _ = plainjson.String(object["Effect"]) // check refuses what is no text
	for key, to := range map[string]*[]string{"Action": &s.Actions, "NotAction": &s.NotActions, "Resource": &s.Resources} {
		if raw, there := object[key]; there {
			if *to, err = parseValues(raw); err != nil {
				return s, fmt.Errorf("%s: %w", key, err)
			}
		}
	}
	if raw, there := object["Principal"]; there {
		if s.Principals, err = parsePrincipals(raw); err != nil {
			return s, err
		}
	} else if len(s.Resources) == 0 {
		return s, errors.New("a statement has a Resource, or in a trust policy a Principal")
	}
	if raw, there := object["Condition"]; there {
		if s.Conditions, err = parseConditions(raw); err != nil {
			return s, err
		}
	}
	return s, s.Check()
}

// parsePrincipals takes the three kinds of "Principal" in "Policy elements". A
// bare "*" is not among them.
func parsePrincipals(raw json.RawMessage) (p Principals, err error) {
	object, err := plainjson.Object(string(raw))
	if err != nil {
		return p, fmt.Errorf("principal: %w", err)
	}
	if err := onlyKeys(object, "RAM", "Service", "Federated"); err != nil {
		return p, fmt.Errorf("principal: %w", err)
	}
	for key, to := range map[string]*[]string{"RAM": &p.RAM, "Service": &p.Service, "Federated": &p.Federated} {
		if raw, there := object[key]; there {
			if *to, err = parseValues(raw); err != nil {
				return p, fmt.Errorf("principal %s: %w", key, err)
			}
		}
	}
	if p.empty() {
		return p, errors.New("a principal names nobody")
	}
	return p, nil
}

// parseConditions reads operators and keys. A key that stands twice under one
// operator is an error here; only one of the two would count.
func parseConditions(raw json.RawMessage) (Conditions, error) {
	operators, err := plainjson.Object(string(raw))
	if err != nil {
		return nil, fmt.Errorf("condition: %w", err)
	}
	all := Conditions{}
	for operator, raw := range operators {
		keys, err := plainjson.Object(string(raw))
		if err != nil {
			return nil, fmt.Errorf("condition %s: %w", operator, err)
		}
		all[operator] = map[string]Values{}
		for key, raw := range keys {
			if all[operator][key], err = parseValues(raw); err != nil {
				return nil, fmt.Errorf("condition %s %s: %w", operator, key, err)
			}
		}
	}
	return all, nil
}

// parseValues reads one text or an array of them. RAM takes true and 1 for
// "true" and "1".
func parseValues(raw json.RawMessage) ([]string, error) {
	var list []json.RawMessage
	if err := json.Unmarshal(raw, &list); err != nil {
		list = []json.RawMessage{raw}
	}
	var texts []string
	for _, raw := range list {
		text, isText := plainjson.String(raw)
		if !isText {
			text = string(raw)
		}
		if !isText && (text == "null" || strings.ContainsAny(text[:1], `{[`)) {
			return nil, errors.New("it is neither a text nor a list of texts")
		}
		texts = append(texts, text)
	}
	if len(texts) == 0 {
		return nil, errors.New("it is empty")
	}
	return texts, nil
}

// onlyKeys refuses a key that is not known, in another case too.
func onlyKeys(object map[string]json.RawMessage, known ...string) error {
	for _, key := range slices.Sorted(maps.Keys(object)) {
		if !slices.Contains(known, key) {
			return fmt.Errorf("the element %q is not known", key)
		}
	}
	return nil
}

// CheckIdentity wants a policy of a user, a role or a session, which says for
// itself whom it is about.
func (p Policy) CheckIdentity() error {
	if slices.ContainsFunc(p, func(s Statement) bool { return !s.Principals.empty() }) {
		return errors.New("a Principal stands in trust policies only")
	}
	return nil
}

// CheckTrust wants a trust policy. Its only resource is the role that it is of.
func (p Policy) CheckTrust() error {
	for _, s := range p {
		if s.Principals.empty() || len(s.Resources) > 0 {
			return errors.New("a statement of a trust policy has a Principal and no Resource")
		}
		if i := slices.IndexFunc(s.Principals.RAM, func(arn string) bool { return !PrincipalShape.MatchString(arn) }); i >= 0 {
			return fmt.Errorf("%q is not the arn of a root, user or role", s.Principals.RAM[i])
		}
	}
	return nil
}

// Check says why a statement means nothing. Effects are spelt as RAM spells
// them, case included.
func (s Statement) Check() error {
	if s.Effect != "Allow" && s.Effect != "Deny" {
		return fmt.Errorf("effect %q is neither Allow nor Deny", s.Effect)
	}
	if (len(s.Actions) == 0) == (len(s.NotActions) == 0) {
		return errors.New("a statement has at least one action, or else what is not an action")
	}
	for _, a := range slices.Concat(s.Actions, s.NotActions) {
		if a != "*" && !strings.Contains(a, ":") {
			return fmt.Errorf("action %q is not of the form product:Operation", a)
		}
	}
	return s.Conditions.check()
}

// PrincipalShape is the ARN of an account's root, or of a user or role: the
// account, and what is behind the last colon.
var PrincipalShape = regexp.MustCompile(`^acs:ram::([0-9]{16}):(root|(?:user|role)/[A-Za-z0-9._-]{1,64})$`)

// Names reports whether a principal is meant by one of the ARNs. The root of its
// account stands for all its users and roles. The vendor's own texts write role
// Names in other cases than they were made with, so case does not count.
func (p Principals) Names(principal, root string) bool {
	return slices.ContainsFunc(p.RAM, func(arn string) bool {
		return strings.EqualFold(arn, principal) || strings.EqualFold(arn, root)
	})
}
