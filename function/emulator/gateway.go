package emulator

import (
	"net/http"
	"regexp"
	"slices"
	"strings"

	"backupportal/function/emulator/api"
	"backupportal/function/emulator/rpc"
	"backupportal/function/emulator/sign"
)

// endpoint matches the vendor's regional host names; its group 1 is the region. Names that end
// with localhost match too, for machines where the vendor's names do not resolve to the
// emulator.
var endpoint = regexp.MustCompile(`^(?:hbr|sts|ecs)(?:-vpc)?\.([a-z0-9-]+)\.(?:aliyuncs\.com|localhost)(?::\d+)?$`)

// checkOperation sets k.Op, the called operation, by the parameters Action and Version. A
// request with the RPC 1.0 signature must also have Format=JSON, because the gateway's default
// is XML, which the emulator does not write. Requests with the V3 signature always use JSON and
// have no such parameter.
//
// Errors: InvalidApi.NotFound, InvalidVersion, InvalidParameter.
func (c *Cloud) checkOperation(k *rpc.Call) error {
	op, err := findOperation(k.Signing.Action, k.Signing.Version)
	if err != nil {
		return err
	}
	if op.ROA != (k.HTTP.URL.Path != "/") {
		return rpc.Refuse(http.StatusNotFound, "InvalidApi.NotFound", "%s is not served at the path %s", op.Action, k.HTTP.URL.Path)
	}
	k.Op = op
	if !sign.IsV3(k.HTTP) && !strings.EqualFold(k.Params["Format"], "JSON") {
		return rpc.Invalid("Format", "this emulator answers JSON only")
	}
	return nil
}

// checkTransport refuses plain http for operations that the vendor offers over https only:
// InvalidProtocol.NeedSsl.
func (c *Cloud) checkTransport(k *rpc.Call) error {
	if k.Op.HTTPS && !k.Secure {
		return rpc.Refuse(http.StatusNotFound, "InvalidProtocol.NeedSsl", "your request is not over https")
	}
	return nil
}

// checkRegion sets k.Region by the first of these sources that the request has. It does nothing
// for operations without a region.
//
//	ECS            the parameter RegionId, which is required
//	Cloud Backup   1. the host, if it is one of the vendor's form
//	               2. the common parameter RegionId
//	               3. the first region of the emulated world
//
// Source 3 exists because most clients never send RegionId to Cloud Backup. Errors:
// MissingRegionId, InvalidRegion.NotFound.
func (c *Cloud) checkRegion(k *rpc.Call) error {
	if !k.Op.Regional {
		return nil
	}
	k.Region = k.Params["RegionId"]
	switch m := endpoint.FindStringSubmatch(k.HTTP.Host); {
	case k.Op.Product == "Ecs" && k.Region == "":
		return rpc.Missing("RegionId")
	case k.Op.Product == "Ecs":
	case m != nil:
		k.Region = m[1]
	case k.Region == "":
		k.Region = c.world.Regions[0]
	}
	if !c.world.HasRegion(k.Region) {
		return rpc.Refuse(http.StatusNotFound, "InvalidRegion.NotFound", "the region %q does not exist", k.Region)
	}
	return nil
}

// authorize refuses a call if the caller's RAM policies do not permit it. It does nothing for
// operations without a permission in [api.Operations]. The error is NoPermission or
// Forbidden.RAM.
func (c *Cloud) authorize(k *rpc.Call) error {
	if k.Op.Permission == "" {
		return nil
	}
	return k.Require(k.Op.Permission, k.Resource())
}

// findOperation returns the operation with this name and version. An unknown name is
// InvalidApi.NotFound, a known name with another version is InvalidVersion.
func findOperation(action, version string) (api.Operation, error) {
	at := slices.IndexFunc(api.Operations, func(op api.Operation) bool { return op.Action == action && op.Version == version })
	if at >= 0 {
		return api.Operations[at], nil
	}
	if slices.ContainsFunc(api.Operations, func(op api.Operation) bool { return op.Action == action }) {
		return api.Operation{}, rpc.Refuse(http.StatusBadRequest, "InvalidVersion", "the version %q of %s does not exist", version, action)
	}
	return api.Operation{}, rpc.Refuse(http.StatusNotFound, "InvalidApi.NotFound", "the api %q is not found", action)
}
