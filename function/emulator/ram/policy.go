// Package ram evaluates RAM policies.
//
// A [Policy] is a list of statements. [Evaluate] answers a [Question]: may this action be
// performed on this resource, with the condition keys of the call? It evaluates all policies of
// one type in this order:
//
//  1. a Deny statement covers the question     ExplicitDeny
//  2. an Allow statement covers it             Allowed
//  3. no statement covers it                   ImplicitDeny
//
// A statement covers a question if all of its parts match:
//
//	Action, NotAction   one Action matches; or no NotAction matches
//	Resource            one matches; none given means "*"
//	Condition           every operator and key holds, each for one of its values
//
// The caller combines the verdicts of several types of policies: an action is allowed only if
// each type allows it (rpc.Layer).
//
// Source: the vendor's pages "Policy structure and syntax", "Policy elements" and "Conditional
// operators".
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

// A Policy is a RAM policy document with Version "1" ("Policy structure and syntax"). The empty
// policy allows nothing. In a world file it is written as the JSON document, which is also valid
// YAML.
type Policy []Statement

// A Statement is one entry of a RAM policy: it allows or denies actions.
type Statement struct {
	Effect     string   `yaml:"effect"`      // "Allow" or "Deny"
	Actions    []string `yaml:"actions"`     // product:Operation; "*" matches any text, "?" any character
	NotActions []string `yaml:"not_actions"` // instead of Actions: all actions except these
	Resources  []string `yaml:"resources"`   // empty: "*"

	// Conditions are operators, keys and values ("Conditional operators"). Every operator and key
	// must hold, each for one of its values. Empty means no condition.
	Conditions Conditions `yaml:"conditions"`

	// Principals are present only in trust policies.
	Principals Principals `yaml:"-"`
}

// Principals are the identities that a trust policy allows to assume the role: ARNs, and services
// of the vendor. A Federated principal is accepted, but no caller of the emulator matches it.
type Principals struct {
	RAM, Service, Federated []string
}

// empty reports whether the statement has no Principal. That is the case outside trust policies.
func (p Principals) empty() bool { return len(p.RAM)+len(p.Service)+len(p.Federated) == 0 }

// Conditions are values by operator and key, such as {"StringEquals": {"sts:ExternalId":
// ["open-sesame"]}}.
type Conditions map[string]map[string]Values

// Values are the texts with which a condition key is compared. In a file, a single value may be
// written without a list. A number or a boolean is converted to text.
type Values []string

// UnmarshalYAML reads a scalar or a list of scalars.
func (v *Values) UnmarshalYAML(n *yaml.Node) error {
	if n.Kind == yaml.ScalarNode {
		*v = Values{n.Value}
		return nil
	}
	return n.Decode((*[]string)(v))
}

// UnmarshalYAML converts the YAML to JSON and calls [ParsePolicy], so that there is one parser.
func (p *Policy) UnmarshalYAML(n *yaml.Node) error {
	var doc any
	if err := n.Decode(&doc); err != nil {
		return err
	}
	// The YAML decoder refuses repeated keys, so none is lost in this conversion.
	text, err := json.Marshal(doc)
	if err != nil {
		return err
	}
	*p, err = ParsePolicy(string(text))
	return err
}

// ParsePolicy reads the JSON text of a policy. An element that the emulator does not evaluate,
// such as NotResource, is an error: to ignore it would change the meaning of the policy.
func ParsePolicy(text string) (Policy, error) {
	doc, err := plainjson.Object(text)
	if err != nil {
		return nil, err
	}
	if err := onlyKeys(doc, "Version", "Statement"); err != nil {
		return nil, err
	}
	// RAM's grammar has a list; the vendor's console also accepts a single statement.
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

// parseStatement reads one statement. Resource is required in policies of users, roles and
// sessions. A Principal marks a statement of a trust policy, which has no Resource.
func parseStatement(text string) (s Statement, err error) {
	object, err := plainjson.Object(text)
	if err != nil {
		return s, fmt.Errorf("a statement: %w", err)
	}
	if err := onlyKeys(object, "Effect", "Action", "NotAction", "Resource", "Condition", "Principal"); err != nil {
		return s, err
	}
	s.Effect, _ = plainjson.String(object["Effect"]) // Check refuses an effect that is not a text
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

// parsePrincipals reads the three kinds of Principal of "Policy elements". The form "Principal":
// "*" is not among them and is refused.
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

// parseConditions reads operators and keys. A repeated key is an error, because only one of the
// two would have an effect.
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

// parseValues reads one text or a list of texts. Like RAM, it accepts true and 1 as "true" and
// "1". An empty list, null and objects are errors.
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

// onlyKeys returns an error if the object has a key that is not in known. It compares with
// case.
func onlyKeys(object map[string]json.RawMessage, known ...string) error {
	for _, key := range slices.Sorted(maps.Keys(object)) {
		if !slices.Contains(known, key) {
			return fmt.Errorf("the element %q is not known", key)
		}
	}
	return nil
}

// CheckIdentity returns an error if p cannot be the policy of a user, a role or a session: it has
// a Principal.
func (p Policy) CheckIdentity() error {
	if slices.ContainsFunc(p, func(s Statement) bool { return !s.Principals.empty() }) {
		return errors.New("a Principal stands in trust policies only")
	}
	return nil
}

// CheckTrust returns an error if p cannot be a trust policy: a statement without Principal or
// with a Resource, or a Principal that is not the ARN of a root, user or role.
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

// Check returns the first mistake in a statement, or nil. Effects are case-sensitive, as in RAM.
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

// PrincipalShape matches the ARN of an account's root, of a user or of a role. Its groups are the
// account id and the part after the last colon.
var PrincipalShape = regexp.MustCompile(`^acs:ram::([0-9]{16}):(root|(?:user|role)/[A-Za-z0-9._-]{1,64})$`)

// Names reports whether the ARNs include principal, or root, which stands for all users and roles
// of its account. Case is ignored, because the vendor's own texts write role names in another
// case than the role has.
func (p Principals) Names(principal, root string) bool {
	return slices.ContainsFunc(p.RAM, func(arn string) bool {
		return strings.EqualFold(arn, principal) || strings.EqualFold(arn, root)
	})
}
