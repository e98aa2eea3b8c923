//! The entity-relationship picture of a whole schema as an SVG file that needs nothing else.
//!
//! Tables stand in columns: what is referred to is left of what refers to it, as far as there are no circles. Within a column, a table
//! stands near what it refers to. Tables without references fill columns of their own on the right. Lines pass between the
//! tables of the columns on their way. Crossings are not minimised further.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write as _,
};

use crate::{
    catalog::{Catalog, Kind},
    report::{
        Picture, PicturedTable,
        picture::{self, clip},
        safe,
    },
    risk::look,
};

const ROW: usize = 18;
const HEAD: usize = 26;
const GAP_X: usize = 90;
const GAP_Y: usize = 24;
const MARGIN: usize = 20;
/// Width of a character of the type that is used, in tenths of a pixel.
const CHARACTER: usize = 75;
/// A column of tables is broken when it is higher than this, in pixels.
const HIGH: usize = 2_000;

const STYLE: &str = "text{font:12px ui-monospace,Menlo,Consolas,monospace;fill:#1f2328}.t{fill:#59636e}.n{font-weight:600}\
    rect{fill:#fff;stroke:#8c959f}.h{fill:#eaeef2}.r{fill:none;stroke:#57606a;stroke-width:1.2}#a path{fill:#57606a}.b{fill:#f6f8fa;stroke:none}\
    @media(prefers-color-scheme:dark){text{fill:#e6edf3}.t{fill:#9198a1}rect{fill:#151b23;stroke:#656c76}.h{fill:#262c36}.r{stroke:#9198a1}\
    #a path{fill:#9198a1}.b{fill:#0d1117}}";

struct Box<'a> {
    table: &'a PicturedTable,
    x: usize,
    y: usize,
    width: usize,
    height: usize,
}

/// The picture, ending with a line break.
pub fn render(catalog: &Catalog, title: &str) -> String {
    let picture = picture::whole(catalog);
    let boxes = place(&picture);
    let width = boxes.values().map(|at| at.x + at.width).max().unwrap_or(0) + MARGIN;
    let height = boxes.values().map(|at| at.y + at.height).max().unwrap_or(0) + MARGIN;
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" width=\"{width}\" height=\"{height}\" role=\"img\">\n\
         <title>{}</title>\n<style>{STYLE}</style>\n<defs><marker id=\"a\" viewBox=\"0 0 8 8\" refX=\"7\" refY=\"4\" markerWidth=\"8\" \
         markerHeight=\"8\" orient=\"auto-start-reverse\"><path d=\"M0 0L8 4L0 8z\"/></marker></defs>\n\
         <rect class=\"b\" width=\"{width}\" height=\"{height}\"/>\n",
        safe::html(title)
    );
    let keys = keys(catalog);
    let columns = columns(&boxes);
    for reference in &picture.references {
        let (Some(from), Some(to)) = (boxes.get(reference.from.as_str()), boxes.get(reference.to.as_str())) else { continue };
        let key = keys.get(&(reference.from.clone(), reference.constraint.clone()));
        let row = key.and_then(|key| from.table.columns.iter().position(|column| column.name == *key));
        let start = from.y + row.map_or(HEAD / 2, |row| HEAD + ROW * row + ROW / 2);
        let name = safe::html(&reference.constraint);
        let _ = writeln!(
            svg,
            "<path class=\"r\" marker-end=\"url(#a)\" d=\"{}\"><title>{name}</title></path>",
            line(from, start, to, &columns)
        );
    }
    for (name, at) in &boxes {
        draw(&mut svg, name, at);
    }
    svg.push_str("</svg>\n");
    svg
}

/// The first column of each foreign key, by table and constraint.
fn keys(catalog: &Catalog) -> BTreeMap<(String, String), String> {
    let foreign = catalog.objects.values().filter(|object| look::constraint_type(object) == Some(look::ConstraintType::ForeignKey));
    foreign
        .filter_map(|object| {
            let path = look::relation_of(&object.id)?;
            let own = |need: &&crate::catalog::ObjectId| need.kind == Kind::Column && need.path.starts_with(&path);
            let column = object.needs.iter().find(own)?.name().to_string();
            Some(((path.join("."), object.id.name().to_string()), column))
        })
        .collect()
}

fn place(picture: &Picture) -> BTreeMap<&str, Box<'_>> {
    let mut refers: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    let mut joined: BTreeSet<&str> = BTreeSet::new();
    for reference in &picture.references {
        let both = picture.tables.contains_key(&reference.from) && picture.tables.contains_key(&reference.to);
        if both && reference.from != reference.to {
            refers.entry(&reference.from).or_default().insert(&reference.to);
            joined.extend([reference.from.as_str(), reference.to.as_str()]);
        }
    }
    let mut layers: BTreeMap<usize, Vec<&str>> = BTreeMap::new();
    let depths = depths(&refers);
    for name in &joined {
        layers.entry(depths.get(name).copied().unwrap_or(0)).or_default().push(name);
    }
    let mut columns: Vec<Vec<&str>> = Vec::new();
    let mut positions: BTreeMap<&str, usize> = BTreeMap::new();
    for (_, mut layer) in layers {
        // Where what it refers to stands, on average.
        layer.sort_by_cached_key(|name| {
            let seen: Vec<usize> = refers.get(name).into_iter().flatten().filter_map(|to| positions.get(to).copied()).collect();
            (seen.iter().sum::<usize>().checked_div(seen.len()).unwrap_or(0), *name)
        });
        positions.extend(layer.iter().enumerate().map(|(at, name)| (*name, at)));
        columns.extend(broken(picture, layer));
    }
    let alone: Vec<&str> = picture.tables.keys().map(String::as_str).filter(|name| !joined.contains(name)).collect();
    columns.extend(broken(picture, alone));

    let mut boxes = BTreeMap::new();
    let mut x = MARGIN;
    for column in columns {
        let wide = column.iter().map(|name| width(name, &picture.tables[*name])).max().unwrap_or(0);
        let mut y = MARGIN;
        for name in column {
            let table = &picture.tables[name];
            let height = height(table);
            boxes.insert(name, Box { table, x, y, width: wide, height });
            y += height + GAP_Y;
        }
        x += wide + GAP_X;
    }
    boxes
}

/// A column of tables, and the heights at which a line may pass it.
struct Column {
    left: usize,
    right: usize,
    gaps: Vec<usize>,
}

fn columns(boxes: &BTreeMap<&str, Box<'_>>) -> Vec<Column> {
    let mut columns: BTreeMap<usize, Column> = BTreeMap::new();
    for at in boxes.values() {
        let column = columns.entry(at.x).or_insert_with(|| Column { left: at.x, right: at.x, gaps: vec![MARGIN / 2] });
        column.right = column.right.max(at.x + at.width);
        column.gaps.push(at.y + at.height + GAP_Y / 2);
    }
    columns.into_values().collect()
}

/// How many tables one must go through from each to one that refers to nothing; a reference that closes a circle does not count.
fn depths<'a>(refers: &BTreeMap<&'a str, BTreeSet<&'a str>>) -> BTreeMap<&'a str, usize> {
    let mut depths: BTreeMap<&str, usize> = BTreeMap::new();
    for start in refers.keys().copied() {
        // By hand, not by recursion: a chain of references may be long.
        let mut open: Vec<(&str, Vec<&str>)> = vec![(start, refers[start].iter().copied().collect())];
        let mut on_the_way = BTreeSet::from([start]);
        if depths.contains_key(start) {
            continue;
        }
        while let Some((name, rest)) = open.last_mut() {
            let name = *name;
            match rest.pop() {
                Some(next) if !depths.contains_key(next) && on_the_way.insert(next) => {
                    open.push((next, refers.get(next).into_iter().flatten().copied().collect()));
                }
                Some(_) => {}
                None => {
                    let below = refers.get(name).into_iter().flatten().filter_map(|to| depths.get(to));
                    let depth = below.max().map_or(0, |depth| depth + 1);
                    depths.insert(name, depth);
                    open.pop();
                }
            }
        }
    }
    depths
}

/// A column of tables as several where it is too high.
fn broken<'a>(picture: &Picture, names: Vec<&'a str>) -> Vec<Vec<&'a str>> {
    let mut columns: Vec<Vec<&str>> = Vec::new();
    let mut high = HIGH;
    for name in names {
        let height = height(&picture.tables[name]) + GAP_Y;
        match columns.last_mut() {
            Some(column) if high + height <= HIGH => column.push(name),
            _ => {
                columns.push(vec![name]);
                high = 0;
            }
        }
        high += height;
    }
    columns
}

fn height(table: &PicturedTable) -> usize {
    HEAD + table.columns.len() * ROW + 8
}

const LONGEST_NAME: usize = 40;
const LONGEST_TYPE: usize = 30;

fn width(name: &str, table: &PicturedTable) -> usize {
    let count = |text: &str, most: usize| text.chars().count().min(most);
    let rows = table.columns.iter().map(|column| count(&column.name, LONGEST_NAME) + count(&column.r#type, LONGEST_TYPE) + 6);
    let most = rows.chain([count(name, LONGEST_NAME * 2) + 2]).max().unwrap_or(0);
    (most * CHARACTER / 10 + 20).max(120)
}

fn draw(svg: &mut String, name: &str, at: &Box<'_>) {
    let Box { table, x, y, width, height } = at;
    let _ = writeln!(
        svg,
        "<g><rect x=\"{x}\" y=\"{y}\" width=\"{width}\" height=\"{height}\" rx=\"4\"/>\
         <rect class=\"h\" x=\"{x}\" y=\"{y}\" width=\"{width}\" height=\"{HEAD}\" rx=\"4\"/>\
         <text class=\"n\" x=\"{}\" y=\"{}\">{}</text>",
        x + 10,
        y + 17,
        safe::html(&clip(name, LONGEST_NAME * 2))
    );
    for (row, column) in table.columns.iter().enumerate() {
        let baseline = y + HEAD + ROW * row + 14;
        let key = match (column.primary_key, column.foreign_key) {
            (true, true) => "PF",
            (true, false) => "P",
            (false, true) => "F",
            (false, false) => "",
        };
        let _ = writeln!(
            svg,
            "<text class=\"t\" x=\"{}\" y=\"{baseline}\">{key}</text><text x=\"{}\" y=\"{baseline}\">{}</text>\
             <text class=\"t\" x=\"{}\" y=\"{baseline}\" text-anchor=\"end\">{}</text>",
            x + 8,
            x + 28,
            safe::html(&clip(&column.name, LONGEST_NAME)),
            x + width - 10,
            safe::html(&clip(&column.r#type, LONGEST_TYPE)),
        );
    }
    svg.push_str("</g>\n");
}

/// A curve from a row of one table to the head of another, which passes the columns between them where no table stands.
fn line(from: &Box<'_>, start: usize, to: &Box<'_>, columns: &[Column]) -> String {
    let end = to.y + HEAD / 2;
    let right_of = |at: &Box<'_>| at.x + at.width;
    if from.x == to.x {
        let bend = right_of(from).max(right_of(to)) + GAP_X / 2;
        return format!("M{} {start}C{bend} {start} {bend} {end} {} {end}", right_of(from), right_of(to));
    }
    let leftwards = from.x > to.x;
    let (begin, last) = if leftwards { (from.x, right_of(to)) } else { (right_of(from), to.x) };
    let passed = columns.iter().filter(|column| column.left > from.x.min(to.x) && column.left < from.x.max(to.x));
    let mut passed: Vec<&Column> = passed.collect();
    if leftwards {
        passed.reverse();
    }
    let mut path = format!("M{begin} {start}");
    let (mut x, mut y) = (begin, start);
    let mut curve = |to_x: usize, to_y: usize, straight: Option<usize>| {
        let middle = usize::midpoint(x, to_x);
        let _ = write!(path, "C{middle} {y} {middle} {to_y} {to_x} {to_y}");
        (x, y) = (straight.unwrap_or(to_x), to_y);
        if straight.is_some() {
            let _ = write!(path, "H{x}");
        }
    };
    for column in passed {
        // Where a straight line would be, as near as a gap is.
        let part = column.left.abs_diff(begin) * 100 / last.abs_diff(begin).max(1);
        let straight = (start * 100usize.saturating_sub(part) + end * part.min(100)) / 100;
        let gap = column.gaps.iter().copied().min_by_key(|gap| gap.abs_diff(straight)).unwrap_or(straight);
        let (near, far) = if leftwards { (column.right, column.left) } else { (column.left, column.right) };
        curve(near, gap, Some(far));
    }
    curve(last, end, None);
    path
}
