package world

import "slices"

// otherRegions are region ids of the vendor for which [regionNames] has no name.
var otherRegions = []string{
	"cn-nanjing", "cn-fuzhou", "cn-wuhan-lr", "cn-zhongwei", "cn-hangzhou-finance", "cn-shanghai-finance-1",
	"cn-shenzhen-finance-1", "cn-beijing-finance-1", "cn-north-2-gov-1", "ap-south-1", "ap-southeast-2", "ap-southeast-6",
	"na-south-1", "me-central-1",
}

// isRegion reports whether id is a region of the vendor. A pattern would accept misspelt ids, and
// every call there would fail without a clear reason.
func isRegion(id string) bool {
	_, named := regionNames[id]
	return named || slices.Contains(otherRegions, id)
}

// regionNames are the English LocalName values of DescribeRegions by region id.
var regionNames = map[string]string{
	"cn-qingdao": "China (Qingdao)", "cn-beijing": "China (Beijing)", "cn-zhangjiakou": "China (Zhangjiakou)",
	"cn-huhehaote": "China (Hohhot)", "cn-wulanchabu": "China (Ulanqab)", "cn-hangzhou": "China (Hangzhou)",
	"cn-shanghai": "China (Shanghai)", "cn-shenzhen": "China (Shenzhen)", "cn-heyuan": "China (Heyuan)",
	"cn-guangzhou": "China (Guangzhou)", "cn-chengdu": "China (Chengdu)", "cn-hongkong": "China (Hong Kong)",
	"ap-northeast-1": "Japan (Tokyo)", "ap-northeast-2": "South Korea (Seoul)", "ap-southeast-1": "Singapore",
	"ap-southeast-3": "Malaysia (Kuala Lumpur)", "ap-southeast-5": "Indonesia (Jakarta)", "ap-southeast-7": "Thailand (Bangkok)",
	"us-east-1": "US (Virginia)", "us-west-1": "US (Silicon Valley)", "eu-west-1": "UK (London)",
	"eu-central-1": "Germany (Frankfurt)", "me-east-1": "UAE (Dubai)",
}

// LocalName returns the name of a region that DescribeRegions of ECS and of Cloud Backup give as
// LocalName. For a region without a known name it returns the id.
func LocalName(id string) string {
	if name, ok := regionNames[id]; ok {
		return name
	}
	return id
}
