// Reads a cell's code: which names it makes, which it needs, and what to run.
import { parse as parseProgram, type AnyNode, type Pattern, type Program } from "acorn";
import { ancestor, full } from "acorn-walk";

/** A cell's code, understood. */
export interface Parsed {
  /** Names that the cell makes for others. */
  outputs: string[];
  /** Names it uses that it does not make. */
  inputs: string[];
  /** A single expression: its value is shown. */
  isExpression: boolean;
  /** What stands between the braces of an async function. */
  body: string;
}

/** Names in a pattern such as `{ a, b: [c] }`. */
function* namesOf(pattern: Pattern | null): Generator<string> {
  if (!pattern) return;
  if (pattern.type === "Identifier") yield pattern.name;
  else if (pattern.type === "ObjectPattern") {
    for (const property of pattern.properties) {
      yield* namesOf(property.type === "Property" ? property.value : property.argument);
    }
  } else if (pattern.type === "ArrayPattern") {
    for (const element of pattern.elements) yield* namesOf(element);
  } else if (pattern.type === "AssignmentPattern") yield* namesOf(pattern.left);
  else if (pattern.type === "RestElement") yield* namesOf(pattern.argument);
}

/** Names that a statement declares in its block. */
function* declaredBy(node: AnyNode): Generator<string> {
  if (node.type === "VariableDeclaration") {
    for (const declaration of node.declarations) yield* namesOf(declaration.id);
  } else if ((node.type === "FunctionDeclaration" || node.type === "ClassDeclaration") && node.id) {
    yield node.id.name;
  }
}

/** The names that each function, block, loop or catch makes for what is inside. */
function scopesOf(program: Program): Map<AnyNode, Set<string>> {
  const scopes = new Map<AnyNode, Set<string>>();
  const put = (node: AnyNode, names: Iterable<string>) => {
    const scope = scopes.get(node) ?? new Set<string>();
    for (const name of names) scope.add(name);
    scopes.set(node, scope);
  };
  full(program, (plain) => {
    const node = plain as AnyNode;
    if ("params" in node && Array.isArray(node.params)) {
      for (const parameter of node.params) put(node, namesOf(parameter));
      if (node.type !== "ArrowFunctionExpression") put(node, ["arguments"]);
      if (node.type === "FunctionExpression" && node.id) put(node, [node.id.name]);
    } else if (node.type === "ClassExpression" && node.id) put(node, [node.id.name]);
    else if (node.type === "BlockStatement" || node.type === "Program") {
      for (const statement of node.body) put(node, declaredBy(statement as AnyNode));
    } else if (node.type === "ForStatement" && node.init) put(node, declaredBy(node.init as AnyNode));
    else if (node.type === "ForOfStatement" || node.type === "ForInStatement") {
      put(node, declaredBy(node.left as AnyNode));
    } else if (node.type === "CatchClause") put(node, namesOf(node.param ?? null));
    else if (node.type === "SwitchStatement") {
      for (const part of node.cases) for (const line of part.consequent) put(node, declaredBy(line as AnyNode));
    }
  });
  return scopes;
}

function freeNames(program: Program): string[] {
  const scopes = scopesOf(program);
  const free = new Set<string>();
  const see = (name: string, ancestors: AnyNode[]) => {
    if (!ancestors.some((node) => scopes.get(node)?.has(name))) free.add(name);
  };
  ancestor(program, {
    Identifier: (node, _, ancestors) => see(node.name, ancestors as AnyNode[]),
    VariablePattern: (node: { name: string }, _: unknown, ancestors: unknown) =>
      see(node.name, ancestors as AnyNode[]),
  } as Parameters<typeof ancestor>[1]);
  return [...free];
}

/**
 * Reads code. Throws a SyntaxError that names line and column where it is no JavaScript.
 */
export function parse(code: string): Parsed {
  const program = parseProgram(code, {
    ecmaVersion: "latest",
    sourceType: "module",
    allowAwaitOutsideFunction: true,
    allowReturnOutsideFunction: true,
  });
  for (const statement of program.body) {
    if (/^(Import|Export)/.test(statement.type) && statement.type !== "ExpressionStatement") {
      throw new SyntaxError("import and export are not allowed in a cell: every cell sees the names of the others");
    }
  }
  const inputs = freeNames(program);
  const [only] = program.body;
  if (program.body.length === 1 && only?.type === "ExpressionStatement") {
    const { start, end } = only.expression;
    return { outputs: [], inputs, isExpression: true, body: `display(await (${code.slice(start, end)}\n));` };
  }
  const outputs = [...new Set(program.body.flatMap((node) => [...declaredBy(node as AnyNode)]))];
  return { outputs, inputs, isExpression: false, body: `${code}\nreturn { ${outputs.join(", ")} };` };
}
