'use strict';

// @alicloud/openapi-client, on which the vendor's current TypeScript clients are
// generated: ACS3-HMAC-SHA256, or with WAY "v2" what the vendor calls signature
// method V2, which is RPC 1.0. Parameters go where the vendor's metadata puts
// them, as in the generated clients.

const { default: Client, Config, OpenApiRequest, Params } = require('@alicloud/openapi-client');
const { default: Credential, Config: CredentialConfig } = require('@alicloud/credentials');
const { default: OpenApiUtil } = require('@alicloud/openapi-util');
const { RuntimeOptions } = require('@alicloud/tea-util');
const { run, versions } = require('./story');

run((address, way) => async (keys, product, action, query, form) => {
  const credential = new Credential(new CredentialConfig({ ...keys, type: keys.securityToken ? 'sts' : 'access_key' }));
  const client = new Client(new Config({
    credential, endpoint: address, protocol: 'http', signatureAlgorithm: way === 'v2' ? 'v2' : undefined,
  }));
  const params = new Params({
    action, version: versions[product], protocol: 'HTTPS', pathname: '/', method: 'POST',
    authType: 'AK', style: 'RPC', reqBodyType: 'formData', bodyType: 'json',
  });
  const request = new OpenApiRequest({ query: OpenApiUtil.query(query) });
  if (Object.keys(form).length > 0) request.body = form;
  const { body } = await client.callApi(params, request, new RuntimeOptions({}));
  return body;
});
