package emulator

// clustersAnswer is the reply of DescribeContainerCluster, whose list is flat.
type clustersAnswer struct {
	envelope
	PageNumber, PageSize, TotalCount int64
	Clusters                         []clusterView
}

// A clusterView is one of Clusters. Token is a secret that registers a client;
// what stands here opens nothing.
type clusterView struct {
	ClusterId, Identifier, Name, Description, ClusterType, NetworkType, AgentStatus, Token string
}

// describeContainerCluster is HBR DescribeContainerCluster. The page shows a
// ClusterId of the form cc-… in the request and of the form cl-… in the reply;
// here both are taken, and the reply has the one that CreateBackupJob wants.
func (s *hbrService) describeContainerCluster(k *call) (any, error) {
	number, size, err := parsePage(k.params)
	if err != nil {
		return nil, err
	}
	views := []clusterView{}
	for _, cl := range k.caller.account.Clusters {
		id, identifier := k.params["ClusterId"], k.params["Identifier"]
		if cl.Region != k.region || (id != "" && id != cl.ID && id != cl.GroupID) || (identifier != "" && identifier != cl.Identifier) {
			continue
		}
		views = append(views, clusterView{
			ClusterId: cl.ID, Identifier: cl.Identifier, Name: cl.Name, Description: cl.Description,
			ClusterType: "ACK", NetworkType: "VPC", AgentStatus: cl.Agent, Token: "eyJ" + entityID(cl.ID),
		})
	}
	return clustersAnswer{
		envelope: success(k), PageNumber: number, PageSize: size, TotalCount: int64(len(views)),
		Clusters: page(views, number, size),
	}, nil
}
