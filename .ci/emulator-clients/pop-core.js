'use strict';

// @alicloud/pop-core: RPC 1.0, everything in the query (GET) or in the form
// (POST), no RegionId. WAY is the method.

const { RPCClient } = require('@alicloud/pop-core');
const { run, versions } = require('./story');

run((address, method) => (keys, product, action, query, form) => {
  const client = new RPCClient({ ...keys, endpoint: `http://${address}`, apiVersion: versions[product] });
  return client.request(action, { ...query, ...form }, { method });
});
