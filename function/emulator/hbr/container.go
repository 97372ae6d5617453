package hbr

import (
	"encoding/json"
	"slices"

	"backupportal/function/emulator/lifecycle"
	"backupportal/function/emulator/plainjson"
	"backupportal/function/emulator/rpc"
)

// resourceKeys are the keys of an element of ContainerResources. All values are texts.
var resourceKeys = []string{
	"resourceType", "backupMethod", "resourceId", "resourceInfo", "host", "hostPrefix", "pvPath",
}

// checkContainerOrder checks the form of the parameters of a CONTAINER job.
func checkContainerOrder(o *order) error {
	if err := rpc.CheckOneOf(o.params, "InitiatedByAck", "true", "false"); err != nil {
		return err
	}
	_, err := parseResources(o.params["ContainerResources"])
	return err
}

// findVolumes finds cluster, vault and volumes of a CONTAINER job. If the agent of the cluster is
// not READY, the job is created and fails.
func findVolumes(o *order) error {
	id, group := o.params["ContainerClusterId"], o.params["ClusterId"]
	cluster := o.owner.Cluster(id, o.region)
	if cluster == nil {
		return rpc.NotFound("ContainerClusterId", id)
	}
	if group != "" && group != cluster.GroupID {
		return rpc.NotFound("ClusterId", group)
	}
	if err := findVault(o); err != nil {
		return err
	}
	o.source = source{cluster: cluster, plan: lifecycle.ReadPlan(cluster.JobDuration, cluster.JobOutcome)}
	volumes, err := parseResources(o.params["ContainerResources"])
	if err != nil {
		return err
	}
	for _, id := range volumes {
		v := cluster.Volume(id)
		if v == nil {
			return rpc.NotFound("ContainerResources.resourceId", id)
		}
		o.source.bytes += v.GiB << 30
		o.source.paths = append(o.source.paths, v.Namespace+"/"+v.Claim)
	}
	if cluster.Agent != "READY" {
		o.source.failure = "the agent of the cluster is not ready"
	}
	if client := o.owner.Client(cluster.ID); client != nil {
		o.source.client = client.ID
	}
	o.failIfVaultNotReady()
	return nil
}

// parseResources reads ContainerResources and returns the ids of the volumes.
func parseResources(text string) ([]string, error) {
	var elements []json.RawMessage
	if err := json.Unmarshal([]byte(text), &elements); err != nil || len(elements) == 0 {
		return nil, rpc.Invalid("ContainerResources", "it is not a json array of at least one object")
	}
	var ids []string
	for _, raw := range elements {
		id, err := parseResource(string(raw))
		if err != nil {
			return nil, err
		}
		ids = append(ids, id)
	}
	return ids, nil
}

// parseResource reads one element of ContainerResources and returns the id of its volume.
// resourceInfo is a text that contains a JSON object, not an object.
func parseResource(text string) (id string, err error) {
	object, err := plainjson.Object(text)
	if err != nil {
		return "", rpc.Invalid("ContainerResources", "an element is wrong: %v", err)
	}
	values := map[string]string{}
	for key, raw := range object {
		v, isText := plainjson.String(raw)
		if !slices.Contains(resourceKeys, key) || !isText {
			return "", rpc.Invalid("ContainerResources", "key %q is not known, or not a text", key)
		}
		values[key] = v
	}
	if info, given := values["resourceInfo"]; given {
		if _, err := plainjson.Object(info); err != nil {
			return "", rpc.Invalid("ContainerResources", "resourceInfo: %v", err)
		}
	}
	switch {
	case values["resourceType"] != "PV":
		return "", rpc.Invalid("ContainerResources", "resourceType is PV")
	case values["backupMethod"] != "FILE":
		return "", rpc.Invalid("ContainerResources", "backupMethod is FILE")
	case values["resourceId"] == "":
		return "", rpc.Invalid("ContainerResources", "resourceId is missing")
	}
	return values["resourceId"], nil
}
