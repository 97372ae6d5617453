package aliyun

import (
	"fmt"
	"net/url"
	"strconv"
	"strings"

	"backupportal/function/backup"
)

// programText is a Go program that makes the call with the vendor's SDK, laid
// out as gofmt does.
func programText(origin *url.URL, region string, params []backup.Parameter) string {
	var b strings.Builder
	fmt.Fprintf(&b, programStart, goText(region), sdkScheme(origin), goText(origin.Host), product, version, createBackupJob)
	for _, p := range params {
		fmt.Fprintf(&b, "\trequest.FormParams[%s] = %s\n", goText(p.Name), goText(p.Value))
	}
	b.WriteString(programEnd)
	return b.String()
}

// goText writes s as a Go string, raw if that spares backslashes.
func goText(s string) string {
	if strings.ContainsAny(s, `"\`) && strconv.CanBackquote(s) {
		return "`" + s + "`"
	}
	return strconv.Quote(s)
}

const programStart = `package main

import (
	"fmt"
	"log"
	"os"

	"github.com/aliyun/alibaba-cloud-sdk-go/sdk"
	"github.com/aliyun/alibaba-cloud-sdk-go/sdk/auth/credentials"
	"github.com/aliyun/alibaba-cloud-sdk-go/sdk/requests"
)

func main() {
	keys := credentials.NewStaticSTSCredentialsProvider(
		os.Getenv("ALIBABA_CLOUD_ACCESS_KEY_ID"),
		os.Getenv("ALIBABA_CLOUD_ACCESS_KEY_SECRET"),
		os.Getenv("ALIBABA_CLOUD_SECURITY_TOKEN"), // empty for a permanent key
	)
	client, err := sdk.NewClientWithOptions(%s, sdk.NewConfig(), keys)
	if err != nil {
		log.Fatal(err)
	}
	request := requests.NewCommonRequest()
	request.Method = requests.POST
	request.Scheme = %q
	request.Domain = %s
	request.Product = %q
	request.Version = %q
	request.ApiName = %q
`

const programEnd = `	response, err := client.ProcessCommonRequest(request)
	if err != nil {
		log.Fatalf("%T", err) // its text can hold the signed address
	}
	fmt.Println(response.GetHttpContentString()) // look for "Success": a refusal is no error
}
`
