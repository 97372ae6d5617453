package main

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"backupportal/function/aliyun"
	"backupportal/function/app"
	"backupportal/function/backup"
	"backupportal/function/pattern"
	"backupportal/function/policy"
)

const ramUsage = `ram-policy [-file FILE] [-portal ARN] [-batches FUNCTION] [-failed QUEUE] [-json]

Prints the minimal RAM policies of this deployment: for the function's own role, and for the role in each account.

  ram-policy
  ram-policy -portal acs:ram::1234567890123456:role/backup-portal -json`

// portalPattern is the form of the resource name (ARN) of a RAM role or a RAM user. The
// portal's own identity is one of these.
const portalPattern = `acs:ram::[0-9]{16}:(role|user)/[A-Za-z0-9._@-]{1,64}`

// Forms of the names of functions and queues.
const (
	functionPattern = `[A-Za-z_][A-Za-z0-9_-]{0,127}`
	queuePattern    = `[A-Za-z0-9][A-Za-z0-9-]{0,119}`
)

// A ramDocument is one RAM policy that an operator must create.
type ramDocument struct {
	Of       string           // resource name of the role or user that gets the policy
	Accounts []string         `json:",omitempty"` // aliases in the portal's policy that use the role
	Kind     string           // "trust" or "permission"
	Note     string           `json:",omitempty"` // an instruction for the operator
	Document aliyun.RAMPolicy // the text to paste
}

// printRAMPolicies is the command "ram-policy". It prints every RAM policy that the deployment
// needs and no further permission.
func printRAMPolicies(args []string, env environment) error {
	flags := newFlags("ram-policy", ramUsage, env.out)
	file := flags.String("file", app.PolicyFile(env.getenv), "the `policy`")
	portal := flags.String("portal", "", "the `resource name` of the function's role, or of the user whose key the portal has; if it is not set, the role backup-portal in the account with access: own")
	batches := flags.String("batches", env.getenv("BATCH_FUNCTION"), "the `function` that carries out batches, if there is one")
	failed := flags.String("failed", cmp.Or(env.getenv("FAILED_EVENTS_QUEUE"), failedQueue),
		"the `queue` of failed events, as in s.yaml; an empty text if there is none")
	asJSON := flags.Bool("json", false, "one JSON array, for programs")
	if err := parse(flags, args, 0); err != nil {
		return err
	}
	p, err := app.LoadPolicy(*file, env.getenv)
	if err != nil {
		return usageError{err}
	}
	capabilities := accountCapabilities(p)
	if *portal == "" {
		i := slices.IndexFunc(capabilities, func(a aliyun.AccountCapabilities) bool { return a.Account.Access == backup.Own })
		if i < 0 {
			return usageError{errors.New("-portal is required: no account of the policy has access: own")}
		}
		*portal = "acs:ram::" + capabilities[i].Account.ID + ":role/backup-portal"
	}
	if !pattern.Match(portalPattern, *portal) {
		return usageError{errors.New("-portal must have the form acs:ram::1234567890123456:role/name")}
	}
	if *batches != "" && !pattern.Match(functionPattern, *batches) {
		return usageError{errors.New("-batches must be the name of a function")}
	}
	if *failed != "" && !pattern.Match(queuePattern, *failed) {
		return usageError{errors.New("-failed must be the name of a queue")}
	}
	var more []aliyun.RAMStatement
	if *batches != "" {
		more = append(more, aliyun.AllowInvoke(*batches))
	}
	if *failed != "" {
		more = append(more, aliyun.AllowSend(*failed))
	}
	return writeDocuments(ramDocuments(capabilities, *portal, more), *asJSON, env.out)
}

// failedQueue is the queue of failed events of s.yaml.
const failedQueue = "backup-portal-failed"

// accountCapabilities returns every account of the policy with what the portal may do there.
func accountCapabilities(p *policy.Policy) (all []aliyun.AccountCapabilities) {
	for _, a := range p.AllAccounts() {
		all = append(all, aliyun.AccountCapabilities{Account: a, Capabilities: p.Capabilities(a.Alias)})
	}
	return all
}

// ramDocuments returns the RAM policies that a deployment needs. portal is the resource name of
// its own identity, and platform has what its role does on Function Compute; a user does nothing there. If several aliases of accounts
// use one role, its policies are printed once, for all of them.
func ramDocuments(capabilities []aliyun.AccountCapabilities, portal string, platform []aliyun.RAMStatement) (all []ramDocument) {
	own := aliyun.FunctionPolicy(capabilities)
	if isRole := strings.Contains(portal, ":role/"); isRole {
		own.Statement = append(own.Statement, platform...)
		all = append(all, ramDocument{
			Of:       portal,
			Kind:     "trust",
			Note:     "Function Compute runs the function with this role.",
			Document: aliyun.ServiceTrustPolicy("fc.aliyuncs.com"),
		})
	}
	all = append(all, ramDocument{
		Of:       portal,
		Kind:     "permission",
		Note:     "Permissions of the function itself.",
		Document: own,
	})
	seen := map[string]bool{}
	for _, a := range capabilities {
		if a.Account.Access == backup.Own || seen[a.Account.RoleARN()+string(a.Account.Access)] {
			continue
		}
		seen[a.Account.RoleARN()+string(a.Account.Access)] = true
		var shared []aliyun.AccountCapabilities
		for _, other := range capabilities {
			by := other.Account
			if a.Account.Access == backup.AssumeRole {
				by = by.Caller() // this role may make the calls for other aliases
			}
			if by.Access == a.Account.Access && by.RoleARN() == a.Account.RoleARN() {
				shared = append(shared, other)
			}
		}
		all = append(all, roleDocuments(a.Account, shared, portal)...)
	}
	return all
}

// roleDocuments returns the trust policy of the role in account a, and the permission policy if the
// portal makes calls with the role. capabilities are those of all aliases that use the role.
func roleDocuments(a backup.Account, capabilities []aliyun.AccountCapabilities, portal string) []ramDocument {
	of := a.RoleARN()
	var aliases []string
	for _, u := range capabilities {
		aliases = append(aliases, u.Account.Alias)
	}
	if a.Access == backup.HBRCrossAccount {
		return []ramDocument{{
			Of:       of,
			Accounts: aliases,
			Kind:     "trust",
			Document: aliyun.ServiceTrustPolicy(aliyun.CrossBackupService),
			Note:     "Cloud Backup assumes this role. Attach the system policy AliyunHBRRolePolicy, and register the account with AddCrossAccount.",
		}}
	}
	note := "Lets the portal assume the role."
	var accounts []backup.Account
	for _, u := range capabilities {
		if u.Account.Access == backup.AssumeRole {
			accounts = append(accounts, u.Account)
			if name := u.Account.ExternalIDVariable; name != "" {
				note += " Replace $" + name + " with the value of the variable " + name + "."
			}
		}
	}
	all := []ramDocument{{
		Of:       of,
		Accounts: aliases,
		Kind:     "trust",
		Note:     note,
		Document: aliyun.TrustPolicy(portal, accounts...),
	}}
	if p := aliyun.SharedPolicy(capabilities); len(p.Statement) > 0 {
		all = append(all, ramDocument{
			Of:       of,
			Accounts: aliases,
			Kind:     "permission",
			Note:     "Permissions of the portal in the account.",
			Document: p,
		})
	}
	return all
}

// writeDocuments writes the documents as commented text, or as one JSON array.
func writeDocuments(all []ramDocument, asJSON bool, out io.Writer) error {
	if asJSON {
		e := json.NewEncoder(out)
		e.SetIndent("", "  ")
		return e.Encode(all)
	}
	for i, d := range all {
		if i > 0 {
			fmt.Fprintln(out)
		}
		fmt.Fprintf(out, "# %s: %s policy\n", d.Of, d.Kind)
		if len(d.Accounts) > 0 {
			fmt.Fprintf(out, "# Accounts in the portal's policy: %v\n", d.Accounts)
		}
		if d.Note != "" {
			fmt.Fprintf(out, "# %s\n", d.Note)
		}
		if _, err := fmt.Fprintln(out, d.Document.Text()); err != nil {
			return err
		}
	}
	return nil
}
