//! Brings elements of one name together.
//!
//! JSON has the elements of a name in one array, wherever they stand among their siblings. Their
//! list is relinked once, when their parent is complete, so that writing is one walk.

use super::tree::{Arena, Kind, NodeId};

/// What grouping keeps between its calls, so that it need not allocate.
#[derive(Default)]
pub(super) struct Grouping {
    /// By name: one more than its place in `groups`, or 0.
    places: Vec<u32>,
    groups: Vec<Group>,
}

#[derive(Clone, Copy)]
struct Group {
    first: NodeId,
    last: NodeId,
}

impl Grouping {
    /// Groups the children of a node by name, in the order in which the names appear. Attributes
    /// and text come first.
    pub(super) fn group(&mut self, nodes: &mut Arena, parent: NodeId) {
        if !self.is_grouped(nodes, parent) {
            self.relink(nodes, parent);
        }
        self.groups.clear();
    }

    /// Whether the children of each name stand together already. Nearly always they do.
    fn is_grouped(&mut self, nodes: &Arena, parent: NodeId) -> bool {
        let mut is_grouped = true;
        let mut child = nodes[parent].first_child();
        while child != NodeId::NONE {
            let node = &nodes[child];
            if node.kind.is_named() {
                is_grouped &= self.note(usize::from(node.name), child);
            }
            child = node.next;
        }
        for group in &self.groups {
            self.places[usize::from(nodes[group.first].name)] = 0;
        }
        is_grouped
    }

    /// Says whether the child begins a group or continues the last one.
    fn note(&mut self, name: usize, child: NodeId) -> bool {
        if self.places.len() <= name {
            self.places.resize(name + 1, 0);
        }
        match self.places[name] as usize {
            0 => {
                self.groups.push(Group { first: child, last: child });
                // Not more names than 16 bits can tell apart.
                self.places[name] = u32::try_from(self.groups.len()).unwrap_or_default();
                true
            }
            place => place == self.groups.len(),
        }
    }

    fn relink(&mut self, nodes: &mut Arena, parent: NodeId) {
        for (place, group) in (1..).zip(&mut self.groups) {
            self.places[usize::from(nodes[group.first].name)] = place;
            group.last = NodeId::NONE;
        }
        let mut others = Group { first: NodeId::NONE, last: NodeId::NONE };
        let mut child = nodes[parent].first_child();
        while child != NodeId::NONE {
            let next = nodes[child].next;
            let group = match nodes[child].kind {
                kind if kind.is_named() => {
                    &mut self.groups[self.places[usize::from(nodes[child].name)] as usize - 1]
                }
                _ => &mut others,
            };
            match group.last {
                NodeId::NONE => group.first = child,
                last => nodes[last].next = child,
            }
            group.last = child;
            child = next;
        }
        self.chain(nodes, parent, others);
    }

    fn chain(&mut self, nodes: &mut Arena, parent: NodeId, others: Group) {
        let mut last = others.last;
        if last != NodeId::NONE {
            nodes[parent].set_first_child(others.first);
        }
        for group in &self.groups {
            match last {
                NodeId::NONE => nodes[parent].set_first_child(group.first),
                last => nodes[last].next = group.first,
            }
            last = group.last;
            self.places[usize::from(nodes[group.first].name)] = 0;
        }
        if last != NodeId::NONE {
            nodes[last].next = NodeId::NONE;
        }
    }
}

impl Kind {
    /// Whether nodes of this kind are values under a name.
    fn is_named(self) -> bool {
        matches!(self, Self::Element | Self::Comment)
    }
}
