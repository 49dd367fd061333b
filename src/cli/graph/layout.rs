//! Where the boxes of a drawing go: columns from left to right, so that every arrow leads to the
//! right, and rows such that arrows are short and cross seldom (Sugiyama's method).

use petgraph::Direction::{Incoming, Outgoing};
use petgraph::algo::toposort;
use petgraph::algo::tred::{dag_to_toposorted_adjacency_list, dag_transitive_reduction_closure};
use petgraph::graph::{DiGraph, NodeIndex};
use petgraph::visit::IntoNeighbors;

/// The height of a box.
pub(super) const BOX_HEIGHT: f64 = 26.0;
/// The least room between two boxes of a column.
const GAP: f64 = 12.0;
/// The room that an arrow takes where it passes a column.
const ARROW: f64 = 8.0;
/// The room between columns, where arrows bend.
const COLUMN_GAP: f64 = 64.0;
/// How often columns are sorted, and rows drawn together.
const SWEEPS: usize = 12;

/// A point; y grows downwards.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Point {
    pub x: f64,
    pub y: f64,
}

/// A finished layout.
#[derive(Debug, Default)]
pub(super) struct Layout {
    /// The left end of each box, half-way down it.
    pub boxes: Vec<Point>,
    /// The points of each arrow: to every second one straight, to the others in a curve.
    pub arrows: Vec<(usize, usize, Vec<Point>)>,
    pub width: f64,
    pub height: f64,
}

/// Lays out boxes of these widths, and arrows from one to another. What has a cycle has no layout.
pub(super) fn layout(widths: &[f64], arrows: &[(usize, usize)]) -> Layout {
    let Some(mut columns) = Columns::new(widths, arrows) else { return Layout::default() };
    columns.sort();
    columns.settle();
    columns.layout(widths.len())
}

/// A box, or the place where an arrow passes a column.
#[derive(Clone, Debug)]
struct Item {
    column: usize,
    width: f64,
    height: f64,
    /// Its middle.
    y: f64,
    /// What arrows come from, and where they go, in the columns next to it.
    left: Vec<usize>,
    right: Vec<usize>,
}

/// Which neighbours of an item count.
#[derive(Clone, Copy)]
enum Neighbours {
    Left,
    Right,
}

struct Columns {
    /// The boxes, then the passing places.
    items: Vec<Item>,
    /// The items of each column, from top to bottom.
    columns: Vec<Vec<usize>>,
    /// The items that each arrow goes through, with its ends.
    arrows: Vec<Vec<usize>>,
}

impl Columns {
    fn new(widths: &[f64], arrows: &[(usize, usize)]) -> Option<Self> {
        let mut graph: DiGraph<(), (), u32> = DiGraph::new();
        for _ in widths {
            graph.add_node(());
        }
        for &(from, to) in arrows {
            graph.add_edge(NodeIndex::new(from), NodeIndex::new(to), ());
        }
        let order = toposort(&graph, None).ok()?;
        let arrows = reduce(&graph, &order);
        let column_of = columns(&graph, &order);
        let item = |(&width, &column): (&f64, &usize)| Item::new(column, width, BOX_HEIGHT);
        let items = widths.iter().zip(&column_of).map(item).collect();
        let mut all = Self { items, columns: Vec::new(), arrows: Vec::new() };
        arrows.into_iter().for_each(|(from, to)| all.route(from, to));
        let count = column_of.iter().max().map_or(0, |last| last + 1);
        all.columns = vec![Vec::new(); count];
        for (at, item) in all.items.iter().enumerate() {
            all.columns.get_mut(item.column)?.push(at);
        }
        Some(all)
    }

    /// Leads an arrow through the columns between its ends.
    fn route(&mut self, from: usize, to: usize) {
        let column = |at: usize, items: &[Item]| items.get(at).map_or(0, |item| item.column);
        let between = column(from, &self.items) + 1..column(to, &self.items);
        let mut path = vec![from];
        for column in between {
            path.push(self.items.len());
            self.items.push(Item::new(column, 0.0, ARROW));
        }
        path.push(to);
        for (&a, &b) in path.iter().zip(path.iter().skip(1)) {
            if let Some(item) = self.items.get_mut(a) {
                item.right.push(b);
            }
            if let Some(item) = self.items.get_mut(b) {
                item.left.push(a);
            }
        }
        self.arrows.push(path);
    }

    /// Sorts each column by where the neighbours of its items are.
    fn sort(&mut self) {
        self.stack();
        for sweep in 0..SWEEPS {
            for (column, side) in self.sweep(sweep) {
                let items = &self.items;
                let place = |at: &usize| items.get(*at).map_or(0.0, |item| item.wish(items, side));
                if let Some(column) = self.columns.get_mut(column) {
                    column.sort_by(|a, b| place(a).total_cmp(&place(b)));
                }
                self.stack();
            }
        }
    }

    /// Every column but the first with its left neighbours in mind, or, every second time, from
    /// the other end with those on the right.
    fn sweep(&self, sweep: usize) -> Vec<(usize, Neighbours)> {
        let last = self.columns.len();
        if sweep.is_multiple_of(2) {
            (1..last).map(|column| (column, Neighbours::Left)).collect()
        } else {
            (0..last.saturating_sub(1)).rev().map(|column| (column, Neighbours::Right)).collect()
        }
    }

    /// Puts the items of each column below each other, about a common middle.
    fn stack(&mut self) {
        for column in &self.columns {
            let offsets = offsets(column, &self.items);
            let middle = offsets.last().copied().unwrap_or(0.0) / 2.0;
            for (&at, offset) in column.iter().zip(&offsets) {
                if let Some(item) = self.items.get_mut(at) {
                    item.y = offset - middle;
                }
            }
        }
    }

    /// Moves items towards their neighbours, as far as those of the same column let them.
    fn settle(&mut self) {
        for sweep in 0..SWEEPS {
            for (column, side) in self.sweep(sweep) {
                let Some(column) = self.columns.get(column) else { continue };
                let offsets = offsets(column, &self.items);
                let item = |at: &usize| self.items.get(*at).map(|i| i.wish(&self.items, side));
                let wishes = column.iter().filter_map(item).zip(&offsets);
                let settled = rising(wishes.map(|(wish, offset)| wish - offset));
                for ((&at, offset), y) in column.iter().zip(&offsets).zip(settled) {
                    if let Some(item) = self.items.get_mut(at) {
                        item.y = y + offset;
                    }
                }
            }
        }
    }

    /// Gives every item its place in the drawing.
    fn layout(&self, boxes: usize) -> Layout {
        let item_width = |at: &usize| self.items.get(*at).map_or(0.0, |item| item.width);
        let mut x = GAP;
        let mut edges = Vec::new();
        for column in &self.columns {
            let width = column.iter().map(item_width).fold(0.0, f64::max);
            edges.push((x, x + width));
            x += width + COLUMN_GAP;
        }
        let top = self.items.iter().map(|item| item.y - item.height / 2.0).fold(0.0, f64::min);
        let bottom = self.items.iter().map(|item| item.y + item.height / 2.0).fold(0.0, f64::max);
        let y = |item: &Item| item.y - top + GAP;
        let edge = |item: &Item| edges.get(item.column).copied().unwrap_or_default();
        let place = |item: &Item| Point { x: edge(item).0, y: y(item) };
        let arrow = |path: &Vec<usize>| {
            let mut points = Vec::new();
            for item in path.iter().filter_map(|&at| self.items.get(at)) {
                let (left, right) = edge(item);
                points.push(Point { x: left, y: y(item) });
                points.push(Point { x: right, y: y(item) });
            }
            // It begins at the right end of a box, and ends at the left end of one.
            points.pop();
            if let (Some(first), Some(&from)) = (points.first_mut(), path.first()) {
                first.x += item_width(&from);
            }
            Some((*path.first()?, *path.last()?, points))
        };
        Layout {
            boxes: self.items.iter().take(boxes).map(place).collect(),
            arrows: self.arrows.iter().filter_map(arrow).collect(),
            width: (x - COLUMN_GAP + GAP).max(0.0),
            height: bottom - top + 2.0 * GAP,
        }
    }
}

impl Item {
    fn new(column: usize, width: f64, height: f64) -> Self {
        Self { column, width, height, y: 0.0, left: Vec::new(), right: Vec::new() }
    }

    /// Where it would like to be: amid its neighbours on one side, or where it is.
    fn wish(&self, items: &[Item], side: Neighbours) -> f64 {
        let neighbours = match side {
            Neighbours::Left => &self.left,
            Neighbours::Right => &self.right,
        };
        let places = neighbours.iter().filter_map(|&at| items.get(at));
        let sum: f64 = places.map(|item| item.y).sum();
        if neighbours.is_empty() { self.y } else { sum / neighbours.len() as f64 }
    }
}

/// How far below the first item of a column each must be at least.
fn offsets(column: &[usize], items: &[Item]) -> Vec<f64> {
    let mut offsets = Vec::new();
    let (mut at, mut above) = (0.0, None);
    for item in column.iter().filter_map(|&item| items.get(item)) {
        if let Some(height) = above {
            at += (height + item.height) / 2.0 + GAP;
        }
        above = Some(item.height);
        offsets.push(at);
    }
    offsets
}

/// The series nearest to `wishes` (by least squares) that never falls.
fn rising(wishes: impl Iterator<Item = f64>) -> Vec<f64> {
    let mut blocks: Vec<(f64, usize)> = Vec::new();
    let mean = |block: &(f64, usize)| block.0 / block.1 as f64;
    for wish in wishes {
        let mut block = (wish, 1);
        while let Some(&before) = blocks.last().filter(|before| mean(before) > mean(&block)) {
            blocks.pop();
            block = (block.0 + before.0, block.1 + before.1);
        }
        blocks.push(block);
    }
    blocks.iter().flat_map(|block| std::iter::repeat_n(mean(block), block.1)).collect()
}

/// The arrows without those that follow from others.
fn reduce(graph: &DiGraph<(), (), u32>, order: &[NodeIndex]) -> Vec<(usize, usize)> {
    let (list, _) = dag_to_toposorted_adjacency_list::<_, NodeIndex<u32>>(graph, order);
    let (reduced, _) = dag_transitive_reduction_closure(&list);
    let mut arrows = Vec::new();
    for (rank, from) in order.iter().enumerate() {
        for to in reduced.neighbors(NodeIndex::new(rank)) {
            arrows.extend(order.get(to.index()).map(|to| (from.index(), to.index())));
        }
    }
    arrows.sort_unstable();
    arrows
}

/// The column of each node: right of all that lead to it, and then as far right as what it leads
/// to allows.
fn columns(graph: &DiGraph<(), (), u32>, order: &[NodeIndex]) -> Vec<usize> {
    let mut columns = vec![0_usize; graph.node_count()];
    for &node in order {
        let before = graph.neighbors_directed(node, Incoming);
        let column = before.filter_map(|from| columns.get(from.index())).max().map_or(0, |c| c + 1);
        if let Some(place) = columns.get_mut(node.index()) {
            *place = column;
        }
    }
    for &node in order.iter().rev() {
        let after = graph.neighbors_directed(node, Outgoing);
        let first = after.filter_map(|to| columns.get(to.index())).min().copied();
        if let (Some(first), Some(place)) = (first, columns.get_mut(node.index())) {
            *place = first.saturating_sub(1);
        }
    }
    columns
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_follows_from_others_is_not_drawn() {
        let layout = layout(&[50.0; 3], &[(0, 1), (1, 2), (0, 2)]);
        let ends: Vec<_> = layout.arrows.iter().map(|arrow| (arrow.0, arrow.1)).collect();
        assert_eq!(ends, [(0, 1), (1, 2)]);
    }

    #[test]
    fn a_rising_series_stays_and_a_falling_one_becomes_its_mean() {
        assert_eq!(rising([1.0, 2.0, 4.0].into_iter()), [1.0, 2.0, 4.0]);
        assert_eq!(rising([4.0, 2.0, 0.0].into_iter()), [2.0; 3]);
        assert_eq!(rising([1.0, 3.0, 1.0, 9.0].into_iter()), [1.0, 2.0, 2.0, 9.0]);
    }

    #[test]
    fn nothing_is_laid_out_as_nothing() {
        assert!(layout(&[], &[]).boxes.is_empty());
        assert!(layout(&[1.0, 1.0], &[(0, 1), (1, 0)]).boxes.is_empty());
    }

    proptest! {
        #[test]
        fn boxes_never_overlap_and_arrows_lead_to_the_right(
            widths in prop::collection::vec(20.0..200.0f64, 1..60),
            pairs in prop::collection::vec((0..60usize, 0..60usize), 0..150),
        ) {
            let n = widths.len();
            let forward = |(a, b): (usize, usize)| (a % n).cmp(&(b % n)).is_lt();
            let arrows: Vec<_> = pairs.into_iter().filter(|&pair| forward(pair))
                .map(|(a, b)| (a % n, b % n)).collect();
            let layout = layout(&widths, &arrows);
            for (i, a) in layout.boxes.iter().enumerate() {
                prop_assert!(a.x >= 0.0 && a.x + widths[i] <= layout.width);
                let (above, below) = (a.y - BOX_HEIGHT / 2.0, a.y + BOX_HEIGHT / 2.0);
                prop_assert!(above >= 0.0 && below <= layout.height);
                for (j, b) in layout.boxes.iter().enumerate().skip(i + 1) {
                    let beside = a.x + widths[i] <= b.x || b.x + widths[j] <= a.x;
                    prop_assert!(beside || (a.y - b.y).abs() >= BOX_HEIGHT, "{i} and {j}");
                }
            }
            for (from, to, points) in &layout.arrows {
                let (start, end) = (points[0], points[points.len() - 1]);
                prop_assert_eq!(start.x, layout.boxes[*from].x + widths[*from]);
                prop_assert_eq!(end, layout.boxes[*to]);
                prop_assert!(points.windows(2).all(|p| p[0].x <= p[1].x));
            }
        }
    }
}
