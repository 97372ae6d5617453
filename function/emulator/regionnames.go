package emulator

// regionNames are the LocalName of DescribeRegions, in English. A region that is
// not listed goes by its id.
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

// localName is what both products' DescribeRegions call a region.
func localName(id string) string {
	if name, ok := regionNames[id]; ok {
		return name
	}
	return id
}
