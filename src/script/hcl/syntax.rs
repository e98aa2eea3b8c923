//! HCL text -> blocks, attributes and values with their offsets, through hcl-edit (no other file knows it).
//!
//! It knows HCL's grammar and nothing of schemas. What HCL can compute (operators, interpolation, loops) is refused: a schema file
//! says what is.

use hcl_edit::{
    Span,
    expr::{Expression, Traversal, TraversalOperator},
    parser,
    structure::{BlockLabel, Body, Structure},
    template::{Element, Template},
};

/// Something wrong at an offset of the text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Fault {
    pub at: usize,
    pub why: String,
}

impl Fault {
    pub fn new(at: usize, why: impl Into<String>) -> Fault {
        Fault { at, why: why.into() }
    }
}

/// A block: `table "public" "tenants" { … }`.
#[derive(Debug, Clone)]
pub(super) struct Block {
    pub kind: String,
    pub at: usize,
    pub labels: Vec<Label>,
    pub attributes: Vec<Attribute>,
    pub blocks: Vec<Block>,
}

#[derive(Debug, Clone)]
pub(super) struct Label {
    pub text: String,
    pub at: usize,
}

#[derive(Debug, Clone)]
pub(super) struct Attribute {
    pub name: String,
    pub at: usize,
    pub value: Value,
}

/// A value, and where it begins.
#[derive(Debug, Clone)]
pub(super) struct Value {
    pub at: usize,
    pub form: Form,
}

#[derive(Debug, Clone)]
pub(super) enum Form {
    Null,
    Bool(bool),
    /// As it is written.
    Number(String),
    Text(String),
    List(Vec<Value>),
    /// `CASCADE`, `uuid`.
    Word(String),
    /// `table.tenants.column.id`; names may be indexed as `table["odd name"]`.
    Reference(Vec<String>),
    /// `varchar(255)`, `sql("…")`.
    Call(String, Vec<Value>),
}

/// The blocks of a file.
pub(super) fn parse(text: &str) -> Result<Vec<Block>, Fault> {
    let skipped = if text.starts_with('\u{feff}') { '\u{feff}'.len_utf8() } else { 0 };
    let body = parser::parse_body(text.get(skipped..).unwrap_or_default()).map_err(|error| {
        let at = error.location().offset() + skipped;
        Fault::new(at.min(text.len()), format!("not HCL: {}", error.message()))
    })?;
    let (attributes, blocks) = structures(&body, skipped)?;
    match attributes.first() {
        Some(attribute) => Err(Fault::new(attribute.at, format!("`{}` stands outside of any block", attribute.name))),
        None => Ok(blocks),
    }
}

fn structures(body: &Body, shift: usize) -> Result<(Vec<Attribute>, Vec<Block>), Fault> {
    let (mut attributes, mut blocks) = (Vec::new(), Vec::new());
    for structure in body {
        match structure {
            Structure::Attribute(attribute) => {
                let name = attribute.key.as_str().to_string();
                let at = offset(&attribute.key, shift);
                attributes.push(Attribute { name, at, value: value(&attribute.value, shift)? });
            }
            Structure::Block(block) => {
                let label = |label: &BlockLabel| match label {
                    BlockLabel::Ident(ident) => Label { text: ident.as_str().into(), at: offset(ident, shift) },
                    BlockLabel::String(text) => Label { text: text.as_str().into(), at: offset(text, shift) },
                };
                let labels = block.labels.iter().map(label).collect();
                let (kind, at) = (block.ident.as_str().to_string(), offset(&block.ident, shift));
                let (attributes, inner) = structures(&block.body, shift)?;
                blocks.push(Block { kind, at, labels, attributes, blocks: inner });
            }
        }
    }
    Ok((attributes, blocks))
}

fn offset(spanned: &impl Span, shift: usize) -> usize {
    spanned.span().map_or(0, |span| span.start) + shift
}

fn value(expression: &Expression, shift: usize) -> Result<Value, Fault> {
    let at = offset(expression, shift);
    let all = |expressions: &mut dyn Iterator<Item = &Expression>| {
        expressions.map(|expression| value(expression, shift)).collect::<Result<Vec<_>, _>>()
    };
    let form = match expression {
        Expression::Null(_) => Form::Null,
        Expression::Bool(value) => Form::Bool(*value.value()),
        Expression::Number(number) => Form::Number(number.value().to_string()),
        Expression::String(text) => Form::Text(text.as_str().into()),
        Expression::Array(array) => Form::List(all(&mut array.iter())?),
        Expression::Object(_) => return Err(Fault::new(at, "an object has no place in a schema")),
        Expression::StringTemplate(template) => return Err(computed(at, template.span().map(|_| "interpolation"))),
        Expression::HeredocTemplate(heredoc) => Form::Text(literal(&heredoc.template, at)?),
        Expression::Parenthesis(inner) => return value(inner.inner(), shift),
        Expression::Variable(name) => Form::Word(name.as_str().into()),
        Expression::Traversal(traversal) => Form::Reference(reference(traversal, at)?),
        Expression::FuncCall(call) if call.name.namespace.is_empty() && !call.args.expand_final() => {
            Form::Call(call.name.name.as_str().into(), all(&mut call.args.iter())?)
        }
        Expression::UnaryOp(operation) => match value(&operation.expr, shift)?.form {
            Form::Number(number) if operation.operator.value().as_str() == "-" && !number.starts_with('-') => {
                Form::Number(format!("-{number}"))
            }
            _ => return Err(computed(at, Some("an operator"))),
        },
        Expression::FuncCall(_) => return Err(computed(at, Some("a function of a namespace"))),
        Expression::Conditional(_) => return Err(computed(at, Some("a condition"))),
        Expression::BinaryOp(_) => return Err(computed(at, Some("an operator"))),
        Expression::ForExpr(_) => return Err(computed(at, Some("a loop"))),
    };
    Ok(Value { at, form })
}

fn computed(at: usize, what: Option<&str>) -> Fault {
    let what = what.unwrap_or("an expression");
    Fault::new(at, format!("{what} is not computed here; write the value itself (`$${{` stands for `${{` in a text)"))
}

fn literal(template: &Template, at: usize) -> Result<String, Fault> {
    let mut text = String::new();
    for element in template {
        match element {
            Element::Literal(literal) => text.push_str(literal),
            Element::Interpolation(_) | Element::Directive(_) => return Err(computed(at, Some("interpolation"))),
        }
    }
    Ok(text)
}

fn reference(traversal: &Traversal, at: usize) -> Result<Vec<String>, Fault> {
    let not_a_name = || Fault::new(at, "a reference is made of names, as in `table.tenants.column.id`");
    let mut names = match &traversal.expr {
        Expression::Variable(name) => vec![name.as_str().to_string()],
        _ => return Err(not_a_name()),
    };
    for operator in &traversal.operators {
        names.push(match operator.value() {
            TraversalOperator::GetAttr(name) => name.as_str().into(),
            TraversalOperator::Index(Expression::String(name)) => name.as_str().into(),
            _ => return Err(not_a_name()),
        });
    }
    Ok(names)
}
