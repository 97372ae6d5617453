package world

import (
	"slices"

	"backupportal/function/emulator/ram"
)

// shortTrust writes the short form of a trust policy out. The external id is
// demanded of people and programs, never of a service, which has none to send.
func (r *Role) expandTrust() ram.Policy {
	var p ram.Policy
	if len(r.Trusts) > 0 {
		s := ram.Statement{Effect: "Allow", Actions: []string{"sts:AssumeRole"}, Principals: ram.Principals{RAM: r.Trusts}}
		if r.ExternalID != "" {
			s.Conditions = ram.Conditions{"StringEquals": {"sts:ExternalId": {r.ExternalID}}}
		}
		p = append(p, s)
	}
	if len(r.TrustsServices) > 0 {
		p = append(p, ram.Statement{Effect: "Allow", Actions: []string{"sts:AssumeRole"}, Principals: ram.Principals{Service: r.TrustsServices}})
	}
	return p
}

// trusting returns the statements of the trust policy that speak of a principal.
func (r *Role) statementsFor(names func(ram.Principals) bool) ram.Policy {
	var p ram.Policy
	for _, s := range r.TrustPolicy {
		if names(s.Principals) {
			p = append(p, s)
		}
	}
	return p
}

// TrustsPrincipal is the answer of a role's trust policy to a user or role of an
// account, by its ARN and the ARN of the account's root.
func (r *Role) TrustsPrincipal(principal, root string, q ram.Question) ram.Verdict {
	return ram.Evaluate(q, r.statementsFor(func(p ram.Principals) bool { return p.Names(principal, root) }))
}

// TrustsService reports whether a service of the vendor may assume a role. A
// principal may be narrowed to one account of the service, as <account>@<service>
// ("Trust policy of a service role"); whether that holds for Cloud Backup too is
// a guess.
func (r *Role) TrustsService(service, account string) bool {
	q := ram.Question{Action: "sts:AssumeRole", Resource: "*", Key: func(string) (string, bool) { return "", false }}
	return ram.Evaluate(q, r.statementsFor(func(p ram.Principals) bool {
		return slices.Contains(p.Service, service) || slices.Contains(p.Service, account+"@"+service)
	})) == ram.Allowed
}
