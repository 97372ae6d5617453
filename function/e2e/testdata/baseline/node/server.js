'use strict';

// A plain function that starts a backup, as a custom runtime in Node.js: an HTTP
// server that calls CreateBackupJob once for each request, with one client of
// the vendor's SDK that all requests share. It checks nothing and keeps nothing.
// The benchmarks compare the portal with it. NODE_PATH names the folder with the
// vendor's packages (.ci/emulator-clients/node_modules).

const http = require('node:http');
const { default: Client, Config, OpenApiRequest, Params } = require('@alicloud/openapi-client');
const { default: OpenApiUtil } = require('@alicloud/openapi-util');
const { RuntimeOptions } = require('@alicloud/tea-util');

const endpoint = new URL(process.env.CLOUD_ENDPOINT);
const client = new Client(new Config({
  accessKeyId: process.env.ALIBABA_CLOUD_ACCESS_KEY_ID,
  accessKeySecret: process.env.ALIBABA_CLOUD_ACCESS_KEY_SECRET,
  endpoint: endpoint.host,
  protocol: endpoint.protocol.slice(0, -1),
  maxIdleConns: 128,
}));
const operation = new Params({
  action: 'CreateBackupJob', version: '2017-09-08', protocol: endpoint.protocol.slice(0, -1).toUpperCase(), pathname: '/',
  method: 'POST', authType: 'AK', style: 'RPC', reqBodyType: 'formData', bodyType: 'json',
});
const runtime = new RuntimeOptions({});

async function createBackupJob(submission) {
  const query = OpenApiUtil.query({
    SourceType: 'UDM_ECS', InstanceId: submission.InstanceId, JobName: submission.JobName,
    Retention: submission.Retention, BackupType: 'COMPLETE',
  });
  const request = new OpenApiRequest({ query, body: { Detail: '{}' } });
  const { body } = await client.callApi(operation, request, runtime);
  return { JobId: body.JobId };
}

const server = http.createServer((request, response) => {
  const parts = [];
  request.on('data', (part) => parts.push(part));
  request.on('end', async () => {
    let status = 201;
    let answer;
    try {
      answer = await createBackupJob(JSON.parse(Buffer.concat(parts)));
    } catch (err) {
      [status, answer] = [500, { error: String(err) }];
    }
    response.writeHead(status, { 'Content-Type': 'application/json' }).end(JSON.stringify(answer));
  });
});
server.listen(0, '127.0.0.1', () => console.log(`node http://127.0.0.1:${server.address().port}`));
process.on('SIGINT', () => process.exit(0));
