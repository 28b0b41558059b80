// As client.mjs, with version 2 of the SDK: `node client2.cjs <folder of node_modules>`.

const { join } = require("node:path");
const { createInterface } = require("node:readline");

process.env.AWS_SDK_JS_SUPPRESS_MAINTENANCE_MODE_MESSAGE = "1";
const sdk = require("node:module").createRequire(join(process.argv[2], "package.json"))("aws-sdk");
const services = { rekognition: sdk.Rekognition, sts: sdk.STS };
const clients = new Map();

function clientOf(access) {
  const id = JSON.stringify(access);
  if (!clients.has(id)) {
    const key = { accessKeyId: access.key, secretAccessKey: access.secret };
    if (access.token) key.sessionToken = access.token;
    clients.set(id, new services[access.service]({ endpoint: access.url, region: access.region, ...key }));
  }
  return clients.get(id);
}

function received(_, value) {
  return value && typeof value.$bytes === "string" ? Buffer.from(value.$bytes, "base64") : value;
}

function wrapped(value) {
  if (value instanceof Date) return { $date: value.toISOString() };
  if (Buffer.isBuffer(value)) return { $bytes: value.toString("base64") };
  if (Array.isArray(value)) return value.map(wrapped);
  if (value === null || typeof value !== "object") return value;
  return Object.fromEntries(Object.entries(value).map(([name, each]) => [name, wrapped(each)]));
}

async function answer({ access, operation, parameters, pageSize }) {
  const method = operation[0].toLowerCase() + operation.slice(1);
  const client = clientOf(access);
  if (pageSize === undefined) return client[method](parameters).promise();
  const pages = [];
  await new Promise((done, failed) =>
    client[method]({ ...parameters, MaxResults: pageSize }).eachPage((error, page) => {
      if (error) failed(error);
      else if (page === null) done();
      else pages.push(page);
    }),
  );
  return pages;
}

async function main() {
  for await (const line of createInterface({ input: process.stdin })) {
    let said;
    try {
      said = { answer: wrapped(await answer(JSON.parse(line, received))) };
    } catch (error) {
      if (error.statusCode === undefined) throw error;
      said = { fault: { code: error.code, message: error.message, retries: error.retryCount ?? 0 } };
    }
    process.stdout.write(`${JSON.stringify(said)}\n`);
  }
}

main();
