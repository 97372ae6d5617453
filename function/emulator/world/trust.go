package world

import (
	"slices"

	"backupportal/function/emulator/ram"
)

// expandTrust returns the complete trust policy that the short forms Trusts, TrustsServices and
// ExternalID describe. Users and roles must then send the external id; a service never sends
// one, so it needs none.
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
		p = append(p, ram.Statement{
			Effect:     "Allow",
			Actions:    []string{"sts:AssumeRole"},
			Principals: ram.Principals{Service: r.TrustsServices},
		})
	}
	return p
}

// statementsFor returns the statements of the trust policy for whose principals the function
// fits returns true.
func (r *Role) statementsFor(names func(ram.Principals) bool) ram.Policy {
	var p ram.Policy
	for _, s := range r.TrustPolicy {
		if names(s.Principals) {
			p = append(p, s)
		}
	}
	return p
}

// TrustsPrincipal returns what the role's trust policy says about a user or role. principal is
// the ARN of that user or role, root the ARN of its account's root. The result is ImplicitDeny
// if no statement names one of the two.
func (r *Role) TrustsPrincipal(principal, root string, q ram.Question) ram.Verdict {
	return ram.Evaluate(q, r.statementsFor(func(p ram.Principals) bool { return p.Names(principal, root) }))
}

// TrustsService reports whether the trust policy lets a service of the vendor assume the role on
// behalf of an account. The form <account>@<service> restricts the service to one account ("Trust
// policy of a service role"). It is a guess that this form also works for Cloud Backup.
func (r *Role) TrustsService(service, account string) bool {
	q := ram.Question{Action: "sts:AssumeRole", Resource: "*", Key: func(string) (string, bool) { return "", false }}
	return ram.Evaluate(q, r.statementsFor(func(p ram.Principals) bool {
		return slices.Contains(p.Service, service) || slices.Contains(p.Service, account+"@"+service)
	})) == ram.Allowed
}
