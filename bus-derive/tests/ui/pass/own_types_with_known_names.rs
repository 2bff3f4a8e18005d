//! A user's type is not the standard library's because it has the same name.

use bus::Message;

mod grid {
    #[derive(bus::Message)]
    #[repr(C)]
    pub struct Cell {
        pub height: f32,
    }

    #[derive(bus::Message)]
    #[repr(C)]
    pub struct String(pub [u8; 4]);

    #[derive(bus::Message)]
    #[repr(C)]
    pub struct Vec<T>(pub [T; 3]);
}

use grid::Cell;

#[derive(Message)]
#[repr(C)]
struct Grid {
    cells: [[Cell; 2]; 2],
    name: grid::String,
    direction: grid::Vec<f64>,
}

fn main() {
    let grid = Grid::TYPE;
    assert_eq!(grid.size(), 48);
    let _ = |grid: Grid| (grid.cells[0][0].height, grid.name.0, grid.direction.0);
}
