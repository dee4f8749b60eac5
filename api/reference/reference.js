// Renders /openapi.json. Everything is put in as text, so nothing in the document can become markup.

const methods = ['get', 'post', 'patch', 'put', 'delete'];
const response = await fetch('/openapi.json');
const api = await response.json();
render();

function render() {
  const groups = new Map();
  for (const [path, item] of Object.entries(api.paths)) {
    for (const method of methods.filter((name) => item[name])) {
      const route = { path, method, ...item[method] };
      const tag = route.tags?.[0] ?? 'Other';
      groups.set(tag, [...(groups.get(tag) ?? []), route]);
    }
  }
  const main = document.querySelector('#routes');
  const contents = document.querySelector('#contents');
  main.append(element('p', { class: 'intro' }, api.info.description));
  for (const [tag, routes] of groups) {
    const links = routes.map((route) => element('li', {}, link(route)));
    contents.append(element('h2', {}, tag), element('ul', {}, ...links));
    main.append(element('h2', {}, tag), ...routes.map(renderRoute));
  }
  if (location.hash) document.querySelector(location.hash)?.scrollIntoView();
}

function renderRoute(route) {
  const parts = [
    element('h3', {}, methodMark(route.method), element('code', {}, route.path)),
    element('p', {}, route.summary ?? ''),
  ];
  if (route.description) parts.push(element('p', { class: 'note' }, route.description));
  parts.push(element('p', { class: 'note' }, accessOf(route)));
  if (route.parameters?.length) parts.push(section('Parameters', parameterTable(route.parameters)));
  const body = route.requestBody?.content?.['application/json']?.schema;
  if (body) parts.push(section('Body', schemaTree(body)));
  for (const [status, answer] of Object.entries(route.responses)) {
    if (!status.startsWith('2')) continue;
    const schema = answer.content?.['application/json']?.schema;
    const title = `${status} ${answer.description}`;
    parts.push(
      schema ? section(title, schemaTree(schema)) : element('p', { class: 'answer' }, title),
    );
  }
  return element('article', { id: anchor(route) }, ...parts);
}

function accessOf({ security = [] }) {
  const scopes = security.flatMap(({ tenantKey = [] }) => tenantKey);
  if (scopes.length > 0) return `Key of a tenant, with the scope ${scopes.join(', ')}`;
  return security.length > 0 ? 'Key of an operator' : 'No key';
}

function parameterTable(parameters) {
  return element(
    'ul',
    { class: 'fields' },
    ...parameters.map((parameter) =>
      field(parameter.name, parameter.schema ?? {}, {
        required: parameter.required === true,
        place: parameter.in,
        description: parameter.description ?? parameter.schema?.description,
      }),
    ),
  );
}

function schemaTree(schema, depth = 0) {
  const resolved = resolve(schema);
  const items = resolved.type === 'array' ? resolve(resolved.items) : resolved;
  if (!items.properties || depth > 4) return element('span', {}, typeOf(resolved));
  const fields = Object.entries(items.properties).map(([name, inner]) => {
    const options = { required: items.required?.includes(name), description: inner.description };
    const row = field(name, inner, options);
    const target = resolve(inner);
    const nested = target.type === 'array' ? resolve(target.items ?? {}) : target;
    if (nested.properties) row.append(schemaTree(inner, depth + 1));
    return row;
  });
  return element('ul', { class: 'fields' }, ...fields);
}

function field(name, schema, { required, place, description }) {
  const notes = [typeOf(resolve(schema)), place, required ? 'required' : undefined];
  return element(
    'li',
    {},
    element('code', {}, name),
    element('span', { class: 'type' }, notes.filter(Boolean).join(' · ')),
    ...(description ? [element('span', { class: 'note' }, description)] : []),
  );
}

function typeOf(schema) {
  if (schema.enum) return schema.enum.map((value) => JSON.stringify(value)).join(' | ');
  if (schema.const !== undefined) return JSON.stringify(schema.const);
  if (schema.type === 'array') return `array of ${typeOf(resolve(schema.items ?? {}))}`;
  const variants = schema.anyOf ?? schema.oneOf;
  if (variants) return variants.map((variant) => typeOf(resolve(variant))).join(' | ');
  const type = Array.isArray(schema.type) ? schema.type.join(' | ') : (schema.type ?? 'any');
  return schema.format ? `${type} (${schema.format})` : type;
}

function resolve(schema) {
  const name = schema.$ref?.replace('#/components/schemas/', '');
  return name ? api.components.schemas[name] : schema;
}

function section(title, content) {
  return element('details', {}, element('summary', {}, title), content);
}

function link(route) {
  return element('a', { href: `#${anchor(route)}` }, methodMark(route.method), route.path);
}

function methodMark(method) {
  return element('span', { class: `method ${method}` }, method.toUpperCase());
}

function anchor({ method, path }) {
  return `${method}${path.replace(/[^a-z0-9]+/gi, '-')}`;
}

function element(name, attributes, ...children) {
  const node = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
  node.append(...children);
  return node;
}
